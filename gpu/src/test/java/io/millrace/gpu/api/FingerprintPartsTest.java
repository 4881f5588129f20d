package io.millrace.gpu.api;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FingerprintPartsTest {

    @Test
    void namesThePartsThatDiffer() {
        FingerprintParts parts = new FingerprintParts("a", "b", "c");
        assertThat(parts.differences(new FingerprintParts("a", "b", "c"))).isEmpty();
        assertThat(parts.differences(new FingerprintParts("x", "b", "c"))).containsExactly("model");
        assertThat(parts.differences(new FingerprintParts("a", "x", "y")))
                .containsExactly("tokenizer", "kernels");
    }
}
