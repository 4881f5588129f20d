package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** A testing engine of its own for each test of whole jobs; none is left behind. */
public abstract class PipelineFixture {
    @TempDir Path folder;
    public String name;
    public TestingControl control;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName();
        control = TestingControl.of(name);
    }

    @AfterEach
    void noEngineThreadIsLeft() throws Exception {
        control.awaitOpen(0);
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("millrace-engine-" + name)) {
                // An interrupted load ends in its own time; it must end, though.
                thread.join(60_000);
                assertThat(thread.isAlive()).isFalse();
            }
        }
    }

    /** The engine of this test. */
    EngineOptions engine() {
        return TestingEngine.options(name).withModelName(name);
    }

    /** Settings of a job that does not restart, and that takes no type or id for granted. */
    static Configuration configuration() {
        Configuration configuration = new Configuration();
        configuration.set(PipelineOptions.GENERIC_TYPES, false);
        configuration.set(PipelineOptions.AUTO_GENERATE_UIDS, false);
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        return configuration;
    }

    /** Settings that have a job restart so often, at once. */
    static Configuration restarts(int attempts) {
        Configuration restarts = new Configuration();
        restarts.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        restarts.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, attempts);
        restarts.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(1));
        return restarts;
    }

    /** Before that a checkpoint is declined, though requests are on their way already. */
    static void awaitRunning(MiniCluster cluster, JobClient job) throws Exception {
        CommonTestUtils.waitForAllTaskRunning(cluster, job.getJobID(), false);
    }
}
