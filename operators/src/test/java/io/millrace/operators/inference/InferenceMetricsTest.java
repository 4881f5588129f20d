package io.millrace.operators.inference;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineStats;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.InboundSerializer;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.operators.valve.Valve;
import io.millrace.schemas.FailureCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.Meter;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;

class InferenceMetricsTest {
    /** Remembers what is registered, with the groups' keys and values in the name. */
    private static final class RecordingGroup extends UnregisteredMetricsGroup {
        private final String prefix;
        private final Map<String, Metric> metrics;

        RecordingGroup(String prefix, Map<String, Metric> metrics) {
            this.prefix = prefix;
            this.metrics = metrics;
        }

        private <M extends Metric> M put(String name, M metric) {
            metrics.put(prefix + name, metric);
            return metric;
        }

        @Override
        public Counter counter(String name) {
            return put(name, new SimpleCounter());
        }

        @Override
        public <T, G extends Gauge<T>> G gauge(String name, G gauge) {
            return put(name, gauge);
        }

        @Override
        public <H extends Histogram> H histogram(String name, H histogram) {
            return put(name, histogram);
        }

        @Override
        public <M extends Meter> M meter(String name, M meter) {
            return put(name, meter);
        }

        @Override
        public MetricGroup addGroup(String key, String value) {
            return new RecordingGroup(prefix + key + "=" + value + ".", metrics);
        }
    }

    private final Map<String, Metric> metrics = new TreeMap<>();
    private final EngineStats stats = new EngineStats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 12, 11);

    private InferenceMetrics register() throws Exception {
        PipelineOptions options =
                PipelineOptions.builder(TestingEngine.options("metrics"), TestingEngine.loader())
                        .maxInFlightRequests(2)
                        .build();
        try (var harness =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options), InboundSerializer.INSTANCE)) {
            harness.open();
            Valve valve = Valve.register(harness.getOperator().getRuntimeContext(), options, 64);
            valve.unregister();
            valve.add(2, 54);
            return new InferenceMetrics(
                    new RecordingGroup("", metrics), () -> stats, 4, () -> 0, valve, () -> 1023);
        }
    }

    private long count(String name) {
        return ((Counter) metrics.get(name)).getCount();
    }

    private Object value(String name) {
        return ((Gauge<?>) metrics.get(name)).getValue();
    }

    private double max(String name) {
        return ((Histogram) metrics.get(name)).getStatistics().getMax();
    }

    @Test
    void anAnswerIsCountedAndTimed() throws Exception {
        InferenceMetrics told = register();
        told.onToken();
        told.onToken();
        told.onAnswered(new RunFacts(1000, 1010, 1050, 1450, 16, 0), null, 17, 5);
        assertThat(count("answered")).isEqualTo(1);
        assertThat(count("prompt_tokens")).isEqualTo(17);
        assertThat(count("cached_prompt_tokens")).isEqualTo(16);
        assertThat(count("generated_tokens")).isEqualTo(2);
        assertThat(max("queue_time")).isEqualTo(10);
        assertThat(max("time_to_first_token")).isEqualTo(50);
        assertThat(max("time_per_output_token")).isEqualTo(100_000);
        assertThat(max("end_to_end")).isEqualTo(450);
    }

    @Test
    void tokensThatTakeLessThanAMillisecondHaveATime() throws Exception {
        InferenceMetrics told = register();
        told.onAnswered(new RunFacts(1000, 1010, 1050, 1067, 16, 0), null, 17, 55);
        assertThat(max("time_per_output_token")).isEqualTo(314);
    }

    @Test
    void thePageNamesThemAllAndNoOther() throws Exception {
        register();
        String page = Files.readString(Path.of("..", "docs", "running.md"));
        String table =
                page.substring(
                        page.indexOf("<!-- metrics:begin -->"),
                        page.indexOf("<!-- metrics:end -->"));
        Set<String> documented = new TreeSet<>();
        for (String line : table.split("\n")) {
            if (line.startsWith("| `")) {
                String[] cells = line.split("\\|");
                String name = cells[1].strip().replace("`", "");
                documented.add(name);
                assertThat(cells[5].strip())
                        .isEqualTo(
                                "`flink_taskmanager_job_task_operator_%s`"
                                        .formatted(name.replaceFirst("\\.[A-Z]+\\.", "_")));
            }
        }
        Set<String> registered = new TreeSet<>();
        metrics.keySet()
                .forEach(
                        name ->
                                registered.add(
                                        name.replaceFirst("code=[a-z_]+", "code.CODE")
                                                .replaceFirst(
                                                        "priority=[a-z]+", "priority.CLASS")));
        assertThat(documented).isEqualTo(registered);
    }

    @Test
    void failuresAreCountedByCode() throws Exception {
        InferenceMetrics told = register();
        told.onFailed(FailureCode.PROMPT_TOO_LONG);
        assertThat(count("code=prompt_too_long.failures")).isEqualTo(1);
        assertThat(count("code=empty_prompt.failures")).isZero();
    }

    @Test
    void answersAreCountedAndTimedByPriority() throws Exception {
        InferenceMetrics told = register();
        told.onAnswered(new RunFacts(1000, 1010, 1050, 1450, 16, 0), -17, 17, 5);
        told.onAnswered(new RunFacts(1000, 1020, 1060, 1450, 16, 0), null, 17, 5);
        told.onAnswered(new RunFacts(1000, 1030, 1070, 1450, 16, 0), 0, 17, 5);
        told.onAnswered(new RunFacts(1000, 1040, 1080, 1450, 16, 0), 1, 17, 5);
        assertThat(count("answered")).isEqualTo(4);
        assertThat(count("priority=high.answered")).isEqualTo(1);
        assertThat(count("priority=normal.answered")).isEqualTo(2);
        assertThat(count("priority=low.answered")).isEqualTo(1);
        assertThat(max("priority=high.queue_time")).isEqualTo(10);
        assertThat(max("priority=normal.queue_time")).isEqualTo(30);
        assertThat(max("priority=low.time_to_first_token")).isEqualTo(80);
    }

    @Test
    void engineAndValveAreGauges() throws Exception {
        register();
        assertThat(value("running")).isEqualTo(1);
        assertThat(value("waiting")).isEqualTo(2);
        assertThat(value("step_tokens")).isEqualTo(3);
        assertThat(value("steps")).isEqualTo(4L);
        assertThat(value("occupancy")).isEqualTo(0.25);
        assertThat(value("preemptions")).isEqualTo(7L);
        assertThat(value("draft_tokens")).isEqualTo(13L);
        assertThat(value("accepted_tokens")).isEqualTo(12L);
        assertThat(value("kv_blocks_used")).isEqualTo(5);
        assertThat(value("kv_blocks_total")).isEqualTo(6);
        assertThat(value("gpu_memory_bytes")).isEqualTo(11L);
        assertThat(value("in_flight_requests")).isEqualTo(2);
        assertThat(value("in_flight_tokens")).isEqualTo(54L);
        assertThat(value("state_bytes")).isEqualTo(1023L);
        assertThat(value("valve_open")).isEqualTo(0);
        assertThat(value("engine_busy")).isEqualTo(0.0);
        assertThat(value("saturation")).isEqualTo(0.0);
    }
}
