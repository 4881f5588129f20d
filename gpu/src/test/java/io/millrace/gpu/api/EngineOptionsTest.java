package io.millrace.gpu.api;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EngineOptionsTest {
    @Test
    void whatNobodySaysTheDeviceDecides() {
        EngineOptions options = EngineOptions.of("models/triage");
        assertThat(options.forDevice(true).maxBatchedTokens()).isEqualTo(2048);
        assertThat(options.forDevice(true).maxSequences()).isEqualTo(256);
        assertThat(options.forDevice(false).maxBatchedTokens()).isEqualTo(512);
        assertThat(options.forDevice(false).maxSequences()).isEqualTo(64);
    }

    @Test
    void whatIsSaidStays() {
        EngineOptions tokens = EngineOptions.of("m").withMaxBatchedTokens(97);
        assertThat(tokens.forDevice(true).maxBatchedTokens()).isEqualTo(97);
        assertThat(tokens.forDevice(true).maxSequences()).isEqualTo(256);
        EngineOptions both = tokens.withMaxSequences(17);
        assertThat(both.forDevice(true)).isEqualTo(both);
        assertThat(both.forDevice(false)).isEqualTo(both);
    }
}
