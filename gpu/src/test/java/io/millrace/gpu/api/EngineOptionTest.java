package io.millrace.gpu.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class EngineOptionTest {
    @Test
    void everyComponentOfTheOptionsIsInTheTableAndViceVersa() {
        Stream<String> components =
                Arrays.stream(EngineOptions.class.getRecordComponents())
                        .map(RecordComponent::getName)
                        .filter(name -> !name.equals("names"));
        assertThat(components)
                .containsExactlyInAnyOrderElementsOf(
                        Arrays.stream(EngineOption.values()).map(EngineOption::javaName).toList());
    }

    @Test
    void messagesNameOptionsAsTheCallerKnowsThem() {
        String message =
                "Raise --kv-cache-memory or --gpu-memory-utilization, lower --gpu's load; --format"
                        + " stays.";
        assertThat(OptionNames.COMMAND_LINE.say(message)).isEqualTo(message);
        assertThat(OptionNames.JAVA.say(message))
                .isEqualTo(
                        "Raise kvCacheBytes or gpuMemoryUtilization, lower gpu's load; --format"
                                + " stays.");
        for (EngineOption option : EngineOption.values()) {
            assertThat(OptionNames.JAVA.say(option.flag() + " is 17"))
                    .isEqualTo(option.javaName() + " is 17");
        }
    }

    @Test
    void valuesOutOfRangeAreRefusedWithOptionValueAndRange() {
        EngineOptions options = EngineOptions.of("m");
        EngineOption.check(options);
        EngineOption.check(options.withGpuMemoryUtilization(1).withBlockSize(1));
        assertRefused(options.withThreads(-1), "threads is -1: it must be at least 0.");
        assertRefused(
                options.withGpuMemoryUtilization(0),
                "gpuMemoryUtilization is 0.0: it must be above 0 and at most 1.");
        assertRefused(
                options.withGpuMemoryUtilization(Double.NaN),
                "gpuMemoryUtilization is NaN: it must be above 0 and at most 1.");
        assertRefused(
                options.withAddBos(null).withNames(OptionNames.COMMAND_LINE),
                "--add-bos is null: it must be model, always or never.");
    }

    private static void assertRefused(EngineOptions options, String message) {
        assertThatThrownBy(() -> EngineOption.check(options))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }
}
