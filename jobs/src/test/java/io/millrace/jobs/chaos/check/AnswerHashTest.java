package io.millrace.jobs.chaos.check;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class AnswerHashTest {
    private final List<Committed> answers = TestingCommitted.answers(17);

    @Test
    void theOrderDoesNotMatterAndEachByteDoes() {
        String hash = AnswerHash.of(answers);
        assertThat(hash).matches("[0-9a-f]{64}");
        List<Committed> other = new ArrayList<>(answers);
        Collections.reverse(other);
        assertThat(AnswerHash.of(other)).isEqualTo(hash);

        assertThat(AnswerHash.of(answers.subList(1, 17))).isNotEqualTo(hash);
        other.add(answers.get(5));
        assertThat(AnswerHash.of(other)).isNotEqualTo(hash);
        for (long seed = 0; seed < 5; seed++) {
            assertThat(AnswerHash.of(new Planted(answers, seed).records())).isNotEqualTo(hash);
        }
    }

    @Test
    void keyAndValueAreToldApart() {
        assertThat(AnswerHash.of(List.of(of("ab", "c"))))
                .isNotEqualTo(AnswerHash.of(List.of(of("a", "bc"))));
        assertThat(AnswerHash.of(List.of(of(null, "c"))))
                .isNotEqualTo(AnswerHash.of(List.of(of("", "c"))));
    }

    private static Committed of(String key, String value) {
        return new Committed(
                "1",
                null,
                null,
                key == null ? null : key.getBytes(UTF_8),
                value.getBytes(UTF_8),
                17,
                54,
                0);
    }
}
