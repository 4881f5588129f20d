package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.metric.ShareGauge;
import io.millrace.operators.options.PipelineOptions;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Metric;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The metric {@code saturation} of a job whose engine has steps of fixed time, at shares of the
 * capacity that the same job shows without a limit to its input.
 */
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LoadITCase extends PipelineFixture {
    private static final double LOW = 0.05;
    private static final double HIGH = 0.9;

    /** On a machine that pauses in each of the tries. */
    private static final double BUSY_LOW = 0.3;

    private static final double BUSY_HIGH = 0.7;
    private static final Duration STEP = Duration.ofMillis(50);
    private static final int TOKENS = 5;
    private static final int IN_FLIGHT = 17;
    private static final Duration WARM_UP = Duration.ofSeconds(1);
    private static final Duration WINDOW = Duration.ofSeconds(4);

    /** Answers a second of steps that take no longer; a window may have one round more. */
    private static final double MOST = IN_FLIGHT * 1000.0 / (TOKENS * STEP.toMillis()) + IN_FLIGHT;

    /**
     * A pause of the machine holds answers back: the valve closes, or the capacity is measured too
     * low. Then once more.
     */
    private static final int TRIES = 3;

    private static final InMemoryReporter REPORTER = InMemoryReporter.create();

    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setConfiguration(REPORTER.addToConfiguration(new Configuration()))
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    /**
     * What was measured.
     *
     * @param perSecond answers
     * @param saturation from 0 to 1
     */
    private record Load(double perSecond, double saturation) {}

    @Test
    void saturationIsLowAtHalfOfTheCapacityAndHighAboveIt() throws Exception {
        control.stepTime(STEP);
        double capacity = 0;
        double low = 1;
        double high = 0;
        for (int i = 0; i < TRIES && (low > LOW || high < HIGH); i++) {
            capacity = Math.max(capacity, measure(Duration.ZERO).perSecond);
            assertThat(capacity).isBetween(1.0, MOST);
            low = Math.min(low, measure(every(0.5 * capacity)).saturation);
            high = Math.max(high, measure(every(1.2 * capacity)).saturation);
        }
        String figures =
                String.format(
                        Locale.ROOT,
                        "capacity %.1f/s; saturation at 50 %%: %.1f %%, at 120 %%: %.1f %%",
                        capacity,
                        100 * low,
                        100 * high);
        System.out.println(figures);
        assertThat(low).as(figures).isLessThanOrEqualTo(BUSY_LOW);
        assertThat(high).as(figures).isGreaterThanOrEqualTo(BUSY_HIGH);
    }

    private static Duration every(double perSecond) {
        return Duration.ofNanos((long) (1e9 / perSecond));
    }

    private Load measure(Duration interval) throws Exception {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        env.setParallelism(1);
        TestingSource source =
                new TestingSource(
                                1_000_000,
                                false,
                                number -> TestingRequests.request("r" + number, TOKENS))
                        .every(interval);
        PipelineOptions options =
                PipelineOptions.builder(engine(), TestingEngine.loader())
                        .maxInFlightRequests(IN_FLIGHT)
                        .build();
        InferencePipeline.build(env, source, "requests", options)
                .sinkTo(new DiscardingSink<>())
                .uid("discard");
        JobClient job = env.executeAsync(name);
        try {
            control.awaitOpen(1);
            Counter answered = (Counter) metric(job, "answered");
            ShareGauge saturation = (ShareGauge) metric(job, "saturation");
            TimeUnit.NANOSECONDS.sleep(WARM_UP.toNanos());
            // All that the gauge remembers is of now: its next update is of the window alone.
            for (int i = 0; i < 3; i++) {
                saturation.update();
            }
            long from = System.nanoTime();
            long before = answered.getCount();
            TimeUnit.NANOSECONDS.sleep(WINDOW.toNanos());
            saturation.update();
            double seconds = (System.nanoTime() - from) / 1e9;
            return new Load((answered.getCount() - before) / seconds, saturation.getValue());
        } finally {
            job.cancel().get();
            control.awaitOpen(0);
        }
    }

    /** The operator's, once it is open. */
    private static Metric metric(JobClient job, String name) throws InterruptedException {
        while (true) {
            for (var each : REPORTER.findMetrics(job.getJobID(), "inference").entrySet()) {
                if (each.getKey().endsWith(".0." + name)) {
                    return each.getValue();
                }
            }
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }
}
