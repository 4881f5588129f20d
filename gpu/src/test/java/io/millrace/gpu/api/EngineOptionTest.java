package io.millrace.gpu.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.common.Setting;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EngineOptionTest {
    @Test
    void everyComponentOfTheOptionsIsInTheTableAndViceVersa() {
        Stream<String> components =
                Arrays.stream(EngineOptions.class.getRecordComponents())
                        .map(RecordComponent::getName)
                        .filter(name -> !name.equals("names"));
        assertThat(components)
                .containsExactlyInAnyOrderElementsOf(
                        EngineOption.settings().stream().map(s -> s.names().java()).toList());
    }

    /** A changed default or component in the wrong place would show here. */
    @Test
    void whatIsGivenIsWhatTheOptionsHaveAndTheRestIsByDefault() {
        assertThat(EngineOptions.of("folder/m/"))
                .isEqualTo(
                        new EngineOptions(
                                "folder/m",
                                "m",
                                EngineOptions.Device.AUTO,
                                0,
                                16,
                                0,
                                0,
                                0,
                                0,
                                EngineOptions.Speculate.OFF,
                                8,
                                4,
                                0,
                                EngineOptions.Weights.MODEL,
                                -1,
                                0.9,
                                EngineOptions.LoadFormat.AUTO,
                                EngineOptions.AddBos.MODEL,
                                EngineOptions.ToolFormat.AUTO,
                                EngineOptions.Reasoning.AUTO,
                                OptionNames.JAVA));
        EngineOptions all =
                EngineOptions.of("x")
                        .withModelName("n")
                        .withDevice(EngineOptions.Device.CPU)
                        .withMaxModelLen(97)
                        .withBlockSize(17)
                        .withKvCacheBytes(1L << 40)
                        .withConstraintBytes(1L << 30)
                        .withMaxBatchedTokens(54)
                        .withMaxSequences(3)
                        .withSpeculate(EngineOptions.Speculate.NGRAM)
                        .withSpeculateTokens(11)
                        .withSpeculateNgram(6)
                        .withThreads(5)
                        .withWeights(EngineOptions.Weights.INT8)
                        .withGpu(7)
                        .withGpuMemoryUtilization(0.5)
                        .withLoadFormat(EngineOptions.LoadFormat.DUMMY)
                        .withAddBos(EngineOptions.AddBos.NEVER)
                        .withToolFormat(EngineOptions.ToolFormat.HERMES)
                        .withReasoning(EngineOptions.Reasoning.THINK)
                        .withNames(OptionNames.CONFIGURATION);
        for (EngineOption option : EngineOption.values()) {
            assertThat(option.of(all))
                    .as(option.name())
                    .isNotNull()
                    .isNotEqualTo(option.of(EngineOptions.of("folder/m")));
        }
        assertThat(
                        EngineOptions.of(
                                Map.of(EngineOption.MODEL, "a/b", EngineOption.GPU, 3),
                                all.names()))
                .isEqualTo(EngineOptions.of("a/b").withGpu(3).withNames(all.names()));
    }

    @Test
    void whatIsLeftToTheDeviceIsDecidedByIt() {
        EngineOptions options = EngineOptions.of("m");
        assertThat(options.forDevice(true))
                .isEqualTo(options.withMaxBatchedTokens(2048).withMaxSequences(256));
        assertThat(options.forDevice(false))
                .isEqualTo(options.withMaxBatchedTokens(512).withMaxSequences(64));
        EngineOptions given = options.withMaxBatchedTokens(17).withMaxSequences(1);
        assertThat(given.forDevice(true)).isEqualTo(given);
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
        assertThat(OptionNames.CONFIGURATION.say(message))
                .isEqualTo(
                        "Raise millrace.kv-cache-memory or millrace.gpu-memory-utilization, lower"
                                + " millrace.gpu's load; --format stays.");
    }

    @ParameterizedTest
    @EnumSource
    void everyOptionHasItsNamesAndASentence(EngineOption option) {
        Setting setting = option.setting();
        Setting.Names names = setting.names();
        assertThat(OptionNames.JAVA.say(names.flag() + " is 17"))
                .isEqualTo(names.java() + " is 17");
        assertThat(OptionNames.CONFIGURATION.say(names.flag() + " is 17"))
                .isEqualTo(names.key() + " is 17");
        assertThat(setting.label()).isNotBlank();
        assertThat(setting.description()).matches("[A-Z].+\\.").doesNotContain("..");
    }

    @Test
    void valuesOutOfRangeAreRefusedWithOptionValueAndRange() {
        EngineOptions options = EngineOptions.of("m");
        EngineOption.check(options);
        EngineOption.check(options.withGpuMemoryUtilization(1).withBlockSize(1));
        EngineOption.check(options.withGpu(EngineOptions.ANY_GPU).withMaxSequences(0));
        assertRefused(options.withThreads(-1), "threads is -1: it must be at least 0.");
        assertRefused(
                options.withGpu(-2), "gpu is -2: it must be at least 0, or -1 for the default.");
        assertRefused(
                options.withGpuMemoryUtilization(0),
                "gpuMemoryUtilization is 0.0: it must be greater than 0 and at most 1.");
        assertRefused(
                options.withGpuMemoryUtilization(Double.NaN),
                "gpuMemoryUtilization is NaN: it must be greater than 0 and at most 1.");
        assertRefused(
                options.withAddBos(null).withNames(OptionNames.COMMAND_LINE),
                "--add-bos is null: it must be model, always or never.");
        assertThat(EngineOption.MAX_SEQUENCES.setting().fault(0))
                .isEqualTo("--max-sequences is 0: it must be at least 1.");
        assertThat(EngineOption.MAX_SEQUENCES.setting().fault(1)).isNull();
    }

    private static void assertRefused(EngineOptions options, String message) {
        assertThatThrownBy(() -> EngineOption.check(options))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }
}
