package io.millrace.operators.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.common.Setting;
import io.millrace.operators.options.ResumePolicy.OnModelChange;
import io.millrace.operators.options.ResumePolicy.Resume;
import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PipelineOptionTest {
    /** Objects, and what tells pipelines and runs of one configuration apart. */
    private static final List<String> NO_VALUES =
            List.of("engine", "loader", "constraint", "tools", "failures", "name", "journal");

    private static PipelineOptions.Builder builder(OptionNames names) {
        return PipelineOptions.builder(EngineOptions.of("m").withNames(names));
    }

    @Test
    void everyValueOfTheOptionsIsInTheTableAndViceVersa() {
        assertThat(
                        Stream.of(PipelineOptions.class, ResumePolicy.class, FaultOptions.class)
                                .flatMap(type -> Stream.of(type.getRecordComponents()))
                                .map(RecordComponent::getName)
                                .filter(name -> !NO_VALUES.contains(name))
                                .filter(name -> !List.of("resumePolicy", "faults").contains(name)))
                .containsExactlyInAnyOrderElementsOf(
                        PipelineOption.settings().stream().map(s -> s.names().java()).toList());
    }

    @Test
    void eachRowSetsWhatItGets() {
        PipelineOptions all =
                builder(OptionNames.JAVA)
                        .batching(Batching.STATIC)
                        .batchSize(17)
                        .batchTimeoutMs(54)
                        .lingerMs(3)
                        .ordered(true)
                        .resumePolicy(new ResumePolicy(Resume.RESTART, OnModelChange.CONTINUE))
                        .maxInFlightRequests(5)
                        .maxInFlightTokens(97)
                        .maxPromptBytes(1023)
                        .longestFirst(true)
                        .faults(new FaultOptions(Duration.ofSeconds(7), 2, "file:/j"))
                        .build();
        PipelineOptions.Builder copy = builder(OptionNames.JAVA).journal("file:/j");
        PipelineOptions byDefault = builder(OptionNames.JAVA).build();
        for (PipelineOption option : PipelineOption.values()) {
            assertThat(option.of(byDefault)).isEqualTo(option.setting().values().fallback());
            if (option != PipelineOption.PARTITIONING && option != PipelineOption.DEDUPE) {
                assertThat(option.of(all)).as("%s", option).isNotEqualTo(option.of(byDefault));
            }
            option.set(copy, option.of(all));
        }
        for (PipelineOption option : PipelineOption.values()) {
            assertThat(option.of(copy.build())).as("%s", option).isEqualTo(option.of(all));
        }
        assertThat(copy.build().faults()).isEqualTo(all.faults());
        copy.batching(Batching.DYNAMIC).ordered(false);
        PipelineOption.PARTITIONING.set(copy, Partitioning.PREFIX);
        assertThat(copy.build().partitioning()).isEqualTo(Partitioning.PREFIX);
        PipelineOption.DEDUPE.set(copy, 54L);
        assertThat(copy.build().dedupeBytes()).isEqualTo(54);
    }

    @Test
    void defaultsAreThoseThatAreDocumented() {
        PipelineOptions options = builder(OptionNames.JAVA).build();
        assertThat(options.partitioning()).isEqualTo(Partitioning.NONE);
        assertThat(options.batching()).isEqualTo(Batching.DYNAMIC);
        assertThat(options.batchSize()).isEqualTo(32);
        assertThat(options.batchTimeoutMs()).isEqualTo(100);
        assertThat(options.lingerMs()).isZero();
        assertThat(options.ordered()).isFalse();
        assertThat(options.dedupeBytes()).isZero();
        assertThat(options.longestFirst()).isFalse();
        assertThat(options.resumePolicy())
                .isEqualTo(new ResumePolicy(Resume.CONTINUE, OnModelChange.FAIL));
        assertThat(options.maxInFlightTokens()).isEqualTo(1 << 20);
        assertThat(options.maxPromptBytes()).isEqualTo(1 << 20);
        assertThat(options.faults())
                .isEqualTo(FaultOptions.DEFAULT)
                .isEqualTo(new FaultOptions(Duration.ofMinutes(5), 3, null));
    }

    @ParameterizedTest
    @EnumSource
    void everyRowHasASentence(PipelineOption option) {
        Setting setting = option.setting();
        assertThat(setting.description()).matches("(?s).+\\.").doesNotContain("..");
    }

    @Test
    void errorsNameOptionsAsTheCallerKnowsThem() {
        assertThatThrownBy(() -> builder(OptionNames.JAVA).batchTimeoutMs(0).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("batchTimeoutMs is 0 ms: it must be at least 1 ms.");
        assertThatThrownBy(() -> builder(OptionNames.COMMAND_LINE).batchTimeoutMs(0).build())
                .hasMessage("--batch-timeout is 0 ms: it must be at least 1 ms.");
        assertThatThrownBy(() -> builder(OptionNames.CONFIGURATION).maxPromptBytes(0).build())
                .hasMessage("millrace.max-prompt-size is 0: it must be at least 1 byte.");
        assertThatThrownBy(() -> new FaultOptions(Duration.ofMillis(-1), 1, null))
                .hasMessage("stepTimeout is -1 ms: it must be at least 0 ms.");
        assertThatThrownBy(() -> FaultOptions.DEFAULT.withMaxAttempts(0))
                .hasMessage("maxAttempts is 0: it must be at least 1.");
        assertThatThrownBy(
                        () ->
                                builder(OptionNames.CONFIGURATION)
                                        .partitioning(Partitioning.PREFIX)
                                        .ordered(true)
                                        .build())
                .hasMessage(
                        "millrace.partitioning prefix does not go with millrace.ordered, since"
                                + " requests of one partition are answered by several subtasks:"
                                + " leave millrace.ordered away, or use millrace.partitioning none.");
    }
}
