package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.logging.log4j.core.LoggerContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogSettingsTest {
    private static final String FLINK = "org.apache.flink.runtime.";

    /** What Flink, Kafka and the tokenizer's library say at each start, by logger. */
    private static final Map<String, String> MEANINGLESS =
            Map.of(
                    "ai.djl.util.cuda.CudaUtils",
                    "Failed to detect GPU count: CUDA driver version is insufficient for CUDA"
                            + " runtime version (35)",
                    FLINK + "taskexecutor.TaskExecutorResourceUtils",
                    "The resource configuration option Key: 'taskmanager.memory.process.size' ,"
                            + " default: null (fallback keys: []) is set but it will have no effect"
                            + " for local execution, only the following options matter",
                    FLINK + "security.token.DefaultDelegationTokenManager",
                    "No tokens obtained so skipping notifications",
                    FLINK + "metrics.util.MetricUtils",
                    "The operator name Source: requests -> validate -> answers: Writer exceeded"
                            + " the 80 characters length limit and was truncated.",
                    "org.apache.kafka.controller.QuorumController",
                    "[QuorumController id=1] Performing controller activation. The metadata log"
                            + " appears to be empty. Appending 6 bootstrap record(s)");

    @Test
    void whatAsksForNothingIsNotLoggedAndAllElseOfTheSameClassesIs(@TempDir Path folder)
            throws Exception {
        Path settings = TestingProcess.root().resolve("flink-conf/log4j.properties");
        Path log = folder.resolve("test.log");
        // Logging of its own: the test's goes on as it is.
        Path copy =
                Files.writeString(
                        folder.resolve("log4j2.properties"),
                        Files.readString(settings)
                                .replace("${sys:log.file:-millrace.log}", log.toString()));
        try (LoggerContext logging = new LoggerContext("of the test", null, copy.toUri())) {
            logging.start();
            MEANINGLESS.forEach(
                    (name, message) -> {
                        logging.getLogger(name).warn(message);
                        logging.getLogger(name).warn("trouble with " + name);
                    });
            logging.getLogger(FLINK + "security.token.DefaultDelegationTokenManager")
                    .warn(
                            "Tokens update task not started because either no tokens obtained or"
                                    + " none of the tokens specified its renewal date");
        }
        assertThat(Files.readAllLines(log))
                .hasSize(MEANINGLESS.size())
                .allMatch(line -> line.contains(" WARN ") && line.contains("trouble with "));
    }
}
