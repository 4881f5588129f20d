package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestNameTest {
    private static final List<String> NAMES =
            List.of("--model", "--model-name", "--max-tokens", "--ordered", "--delivery");

    @Test
    void findsTheNameThatALetterWasSwappedIn() {
        assertThat(NearestName.of("--modle", NAMES)).first().isEqualTo("--model");
    }

    @Test
    void looksAtTheNameBeforeTheEqualsSignOnly() {
        assertThat(NearestName.of("--max-token=1234567890123", NAMES))
                .first()
                .isEqualTo("--max-tokens");
    }

    @Test
    void findsNothingForAWordUnlikeAnyName() {
        assertThat(NearestName.of("--xyzzy", NAMES)).isEmpty();
    }
}
