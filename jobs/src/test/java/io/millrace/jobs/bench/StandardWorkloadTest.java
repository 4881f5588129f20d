package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.jobs.bench.StandardWorkload.Lengths;
import io.millrace.jobs.cli.CommandFailedException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class StandardWorkloadTest {

    @Test
    void eachHasTheLengthsThatItsTitleSays() {
        assertThat(StandardWorkload.all())
                .extracting(StandardWorkload::title)
                .containsExactly(
                        "W1, 64 x 128 -> 128",
                        "W2, 256 x 512 -> 512",
                        "W3, 256 x 1024 -> 128",
                        "W4, 256 requests of unequal length",
                        "W5, 1 x 32 -> 128",
                        "W6, 256 x (1024 shared + 64) -> 128",
                        "B256, 256 x 128 -> 128, decode",
                        "prompts, 32 x 2048 -> 1");
        assertThat(StandardWorkload.named("w6").longest()).isEqualTo(1216);
    }

    @Test
    void theNanoListHasTheTokensThatPeersWereMeasuredWith() {
        StandardWorkload nano = StandardWorkload.named("W4");
        assertThat(nano.requests()).hasSize(256).startsWith(new Lengths(964, 845));
        assertThat(nano.requests().stream().mapToInt(Lengths::prompt).sum()).isEqualTo(142_827);
        assertThat(nano.requests().stream().mapToInt(Lengths::output).sum()).isEqualTo(133_966);
    }

    @Test
    void promptsShareTheirBeginningOnlyWhereTheWorkloadSaysSo() {
        List<GenerationRequest> shared = StandardWorkload.named("W6").first(17).draw(5, 97);
        assertThat(shared).hasSize(17);
        int[] first = shared.get(0).promptTokenIds();
        int[] last = shared.get(16).promptTokenIds();
        assertThat(first).hasSize(1088);
        assertThat(Arrays.mismatch(first, last)).isBetween(1024, 1034);
        List<GenerationRequest> apart = StandardWorkload.named("W1").first(2).draw(5, 151_936);
        assertThat(apart.get(0).promptTokenIds()[0]).isNotEqualTo(apart.get(1).promptTokenIds()[0]);
    }

    @Test
    void theSeedMakesThePrompts() {
        StandardWorkload workload = StandardWorkload.named("W1").first(3);
        int[] once = workload.draw(7, 1023).get(2).promptTokenIds();
        assertThat(workload.draw(7, 1023).get(2).promptTokenIds()).isEqualTo(once);
        assertThat(workload.draw(8, 1023).get(2).promptTokenIds()).isNotEqualTo(once);
    }

    @Test
    void anUnknownOneIsRefusedWithThoseThatThereAre() {
        assertThatThrownBy(() -> StandardWorkload.named("W9"))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContainingAll("W9", "W1, W2, W3, W4, W5, W6, B256, prompts");
    }
}
