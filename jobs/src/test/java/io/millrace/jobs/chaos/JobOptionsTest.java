package io.millrace.jobs.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class JobOptionsTest {
    @Test
    void theCpuIsTakenWhereNothingElseIsAskedFor() {
        assertThat(chosen()).containsExactly("--device=cpu");
        assertThat(chosen("--device=cpu")).containsExactly("--device=cpu");
    }

    @Test
    void onAGpuNoTaskManagerTakesAllMemory() {
        assertThat(chosen("--device=cuda"))
                .containsExactly("--device=cuda", "--kv-cache-memory=256m");
        assertThat(chosen("--device=auto")).contains("--kv-cache-memory=256m");
    }

    @Test
    void whatTheUserSaysOfMemoryStands() {
        assertThat(chosen("--device=cuda", "--kv-cache-memory=1g"))
                .containsExactly("--device=cuda", "--kv-cache-memory=1g");
        assertThat(chosen("--device=cuda", "--gpu-memory-utilization=0.17"))
                .containsExactly("--device=cuda", "--gpu-memory-utilization=0.17");
    }

    @Test
    void anOptionIsNotTakenForALongerOne() {
        JobOptions options = new JobOptions(List.of("--max-in-flight-tokens=97"));
        options.setUnlessGiven("--max-in-flight", "48");
        options.setUnlessGiven("--max-in-flight", "54");
        assertThat(options.all())
                .containsExactly("--max-in-flight-tokens=97", "--max-in-flight=48");
    }

    private static List<String> chosen(String... given) {
        JobOptions options = new JobOptions(List.of(given));
        options.chooseDevice();
        return options.all();
    }
}
