package io.millrace.jobs.cli.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.kafka.source.StartingPoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class StartingPointConverterTest {
    private final StartingPointConverter converter = new StartingPointConverter();

    @Test
    void readsEachForm() {
        assertThat(converter.convert("earliest")).isEqualTo(StartingPoint.EARLIEST);
        assertThat(converter.convert("latest")).isEqualTo(StartingPoint.LATEST);
        assertThat(converter.convert("timestamp:1023")).isEqualTo(StartingPoint.timestamp(1023));
        assertThat(converter.convert("timestamp:1970-01-01T00:00:17Z"))
                .isEqualTo(StartingPoint.timestamp(17_000));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "first", "timestamp:", "timestamp:-1", "timestamp:yesterday"})
    void refusesOtherTextsAndNamesThem(String text) {
        assertThatThrownBy(() -> converter.convert(text))
                .isInstanceOf(TypeConversionException.class)
                .hasMessageContaining(
                        text.startsWith("timestamp:") ? text.substring(10) : "'" + text + "'");
    }
}
