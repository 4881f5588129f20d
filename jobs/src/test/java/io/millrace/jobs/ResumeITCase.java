package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.stream.AnswerReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real {@code ./millrace run} is killed, stopped and started again. */
@Timeout(900)
class ResumeITCase {
    private static final Duration LIMIT = Duration.ofSeconds(240);
    private static final int REQUESTS = 397;
    private static final int TOKENS = 54;

    @TempDir Path folder;

    @Test
    void nothingIsLostAndNothingComesTwiceAfterAKillAndAStop() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            TestingTopics topics = new TestingTopics(broker.bootstrapServers(), "resume", 2);
            topics.send(0, REQUESTS, TOKENS);
            try (AnswerReader reader = topics.reader()) {
                List<String> ids;
                try (TestingProcess run = run(topics)) {
                    run.awaitLine("none yet, begins at the earliest", LIMIT);
                    ids = TestingTopics.await(reader, List.of(), 17, LIMIT);
                    run.kill();
                }
                assertThat(ids).as("answers before the kill").hasSizeLessThan(REQUESTS);
                nothingAsksForAttention();

                try (TestingProcess run = run(topics)) {
                    run.awaitLine("resumes checkpoint", LIMIT);
                    ids = TestingTopics.await(reader, ids, ids.size() + 1, LIMIT);
                    // Answers of the state's own transaction may be there before it listens to
                    // signals.
                    run.awaitLine("Running.", LIMIT);
                    run.terminate();
                    assertThat(run.exitCode(LIMIT)).isZero();
                    run.awaitLine("savepoint file:", LIMIT);
                }
                assertThat(ids).as("answers before the stop").hasSizeLessThan(REQUESTS);

                try (TestingProcess run = run(topics)) {
                    run.awaitLine("resumes savepoint", LIMIT);
                    run.awaitLine("resume-in: 2 partitions, from offsets ", LIMIT);
                    ids = TestingTopics.await(reader, ids, REQUESTS, LIMIT);
                    // What would come twice comes with the next checkpoints.
                    topics.send(REQUESTS, REQUESTS + 1, 1);
                    ids = TestingTopics.await(reader, ids, REQUESTS + 1, LIMIT);
                    run.terminate();
                    assertThat(run.exitCode(LIMIT)).isZero();
                }
                assertThat(ids)
                        .containsExactlyInAnyOrderElementsOf(
                                IntStream.rangeClosed(0, REQUESTS)
                                        .mapToObj(Integer::toString)
                                        .toList());
            }
            offsetsWithoutStateAreRefused(topics);
        }
    }

    private void nothingAsksForAttention() throws Exception {
        assertThat(Files.readAllLines(folder.resolve("data/log/run-resume.log")))
                .as("the log of a start that went well")
                .isNotEmpty()
                .noneMatch(line -> line.matches("\\S+ \\S+ (WARN|ERROR) .*"));
    }

    private void offsetsWithoutStateAreRefused(TestingTopics topics) throws Exception {
        try (TestingProcess run = run(topics, "--checkpoint-dir=" + folder.resolve("other"))) {
            assertThat(run.exitCode(LIMIT)).isEqualTo(1);
            run.awaitLine("--accept-loss", LIMIT);
        }
    }

    private TestingProcess run(TestingTopics topics, String... more) throws Exception {
        List<String> arguments = new ArrayList<>();
        arguments.add("run");
        arguments.add("--model=" + TestingProcess.root().resolve("models/triage"));
        arguments.add("--application-id=resume");
        arguments.add("--checkpoint-interval=200ms");
        arguments.add("--max-in-flight=32");
        arguments.addAll(topics.options());
        arguments.addAll(List.of(more));
        return TestingProcess.millrace(folder.resolve("data"), arguments.toArray(new String[0]));
    }
}
