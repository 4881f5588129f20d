package io.millrace.operators.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.OptionNames;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfiguredOptionsTest {
    /** Each key with a value that is not its default. */
    private static Map<String, String> everyKey() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("millrace.model", "/models/m");
        all.put("millrace.model-name", "n");
        all.put("millrace.device", "cpu");
        all.put("millrace.weights", "int8");
        all.put("millrace.load-format", "dummy");
        all.put("millrace.add-bos", "never");
        all.put("millrace.tool-format", "hermes");
        all.put("millrace.reasoning", "none");
        all.put("millrace.max-model-len", "97");
        all.put("millrace.block-size", "17");
        all.put("millrace.kv-cache-memory", "3g");
        all.put("millrace.constraint-memory", "99m");
        all.put("millrace.max-batched-tokens", "54");
        all.put("millrace.max-sequences", "5");
        all.put("millrace.speculate", "ngram");
        all.put("millrace.speculate-tokens", "7");
        all.put("millrace.speculate-ngram", "3");
        all.put("millrace.threads", "2");
        all.put("millrace.gpu", "1");
        all.put("millrace.gpu-memory-utilization", "0.5");
        all.put("millrace.partitioning", "none");
        all.put("millrace.batching", "static");
        all.put("millrace.batch-size", "7");
        all.put("millrace.batch-timeout", "10s");
        all.put("millrace.ordered", "true");
        all.put("millrace.resume", "restart");
        all.put("millrace.on-model-change", "continue");
        all.put("millrace.max-in-flight", "9");
        all.put("millrace.max-in-flight-tokens", "1023");
        all.put("millrace.max-prompt-size", "2kb");
        all.put("millrace.step-timeout", "1min");
        all.put("millrace.max-attempts", "1");
        return all;
    }

    @Test
    void everyOptionIsSetByItsKey() {
        Map<String, String> keys = everyKey();
        assertThat(ConfiguredOptions.all())
                .extracting(ConfigOption::key)
                .containsExactlyElementsOf(keys.keySet());
        PipelineOptions options = ConfiguredOptions.read(Configuration.fromMap(keys)).build();
        EngineOptions engine = options.engine();
        assertThat(engine)
                .isEqualTo(
                        EngineOptions.of("/models/m")
                                .withModelName("n")
                                .withDevice(EngineOptions.Device.CPU)
                                .withWeights(EngineOptions.Weights.INT8)
                                .withLoadFormat(EngineOptions.LoadFormat.DUMMY)
                                .withAddBos(EngineOptions.AddBos.NEVER)
                                .withToolFormat(EngineOptions.ToolFormat.HERMES)
                                .withReasoning(EngineOptions.Reasoning.NONE)
                                .withMaxModelLen(97)
                                .withBlockSize(17)
                                .withKvCacheBytes(3L << 30)
                                .withConstraintBytes(99L << 20)
                                .withMaxBatchedTokens(54)
                                .withMaxSequences(5)
                                .withSpeculate(EngineOptions.Speculate.NGRAM)
                                .withSpeculateTokens(7)
                                .withSpeculateNgram(3)
                                .withThreads(2)
                                .withGpu(1)
                                .withGpuMemoryUtilization(0.5)
                                .withNames(OptionNames.CONFIGURATION));
        PipelineOptions wanted =
                PipelineOptions.builder(engine)
                        .batching(Batching.STATIC)
                        .batchSize(7)
                        .batchTimeoutMs(10_000)
                        .ordered(true)
                        .resume(ResumePolicy.Resume.RESTART)
                        .onModelChange(ResumePolicy.OnModelChange.CONTINUE)
                        .maxInFlightRequests(9)
                        .maxInFlightTokens(1023)
                        .maxPromptBytes(2048)
                        .stepTimeout(Duration.ofMinutes(1))
                        .maxAttempts(1)
                        .build();
        for (PipelineOption option : PipelineOption.values()) {
            assertThat(option.of(options)).as("%s", option).isEqualTo(option.of(wanted));
        }
    }

    @Test
    void whatIsNotConfiguredIsByDefault() {
        Configuration configuration =
                Configuration.fromMap(
                        Map.of("millrace.model", "m", "millrace.partitioning", "prefix", "a", "b"));
        PipelineOptions options = ConfiguredOptions.read(configuration).build();
        assertThat(options.partitioning()).isEqualTo(Partitioning.PREFIX);
        assertThat(options.batchSize()).isEqualTo(32);
        assertThat(options.engine())
                .isEqualTo(EngineOptions.of("m").withNames(OptionNames.CONFIGURATION));
    }

    @Test
    void descriptionsAndDefaultsAreThoseOfTheTable() {
        for (ConfigOption<?> option : ConfiguredOptions.all()) {
            assertThat(option.description()).as(option.key()).isNotNull();
        }
        assertThat(option("millrace.batch-timeout").defaultValue())
                .isEqualTo(Duration.ofMillis(100));
        assertThat(option("millrace.max-prompt-size").defaultValue())
                .isEqualTo(MemorySize.parse("1m"));
        assertThat(option(EngineOption.GPU.setting().names().key()).hasDefaultValue()).isFalse();
    }

    private static ConfigOption<?> option(String key) {
        return ConfiguredOptions.all().stream()
                .filter(option -> option.key().equals(key))
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "millrace.block-size|0|millrace.block-size is 0: it must be at least 1.",
                "millrace.max-sequences|0|millrace.max-sequences is 0: it must be at least 1.",
                "millrace.batch-timeout|0ms|millrace.batch-timeout is 0 ms: it must be at least 1 ms.",
                "millrace.gpu-memory-utilization|2|millrace.gpu-memory-utilization is 2.0: it must be"
                        + " greater than 0 and at most 1.",
                "millrace.batch-sise|5|millrace.batch-sise is unknown: did you mean"
                        + " millrace.batch-size?"
            })
    void aWrongValueIsNamedByItsKey(String key, String value, String message) {
        Configuration configuration =
                Configuration.fromMap(Map.of("millrace.model", "m", key, value));
        assertThatThrownBy(() -> ConfiguredOptions.read(configuration))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }

    @Test
    void whatIsNoValueAtAllIsRefusedWithItsKey() {
        Configuration configuration =
                Configuration.fromMap(Map.of("millrace.model", "m", "millrace.device", "tpu"));
        assertThatThrownBy(() -> ConfiguredOptions.read(configuration))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("millrace.device");
    }

    @Test
    void withoutAModelThereIsNoPipeline() {
        assertThatThrownBy(() -> ConfiguredOptions.read(new Configuration()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "millrace.model is missing: give the folder of the model in Hugging Face form.");
    }
}
