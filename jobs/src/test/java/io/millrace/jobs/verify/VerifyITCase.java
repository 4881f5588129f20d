package io.millrace.jobs.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.TestingCommand;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.stream.TestingClients;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command verify on topics of a real broker: what is committed counts, and nothing else. */
@Timeout(120)
class VerifyITCase {
    @TempDir Path folder;

    @Test
    void committedAnswersAreProvenAndAbortedOrOpenOnesAreNoAnswers() throws Exception {
        List<String> requests = TestingAnswers.requests(9);
        List<String> answers = TestingAnswers.of(requests);
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder);
                Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            topics.createIfAbsent("in", 2);
            topics.createIfAbsent("out", 3);
            topics.createIfAbsent("dead", 1);
            List<ProducerRecord<byte[], byte[]>> asked = new ArrayList<>();
            for (int i = 0; i < requests.size(); i++) {
                asked.add(record("in", i % 2, i, requests.get(i)));
            }
            asked.add(record("in", 1, 9, "Dear Sir"));
            TestingClients.send(kafka.bootstrapServers(), asked);
            try (KafkaProducer<byte[], byte[]> producer =
                    TestingClients.producer(kafka.bootstrapServers(), "job", Map.of())) {
                producer.send(record("out", 0, 3, answers.get(3)));
                producer.abortTransaction();
                producer.beginTransaction();
                for (int i = 0; i < answers.size(); i++) {
                    producer.send(record("out", i % 3, i, answers.get(i)));
                }
                producer.send(
                        record(
                                "dead",
                                0,
                                9,
                                "{\"topic\":\"in\",\"partition\":1,\"offset\":4,\"code\":\"unreadable\","
                                        + "\"message\":\"m\",\"original\":\"\",\"original_length\":0,"
                                        + "\"original_sha256\":\"\"}"));
                producer.commitTransaction();
                TestingCommand proven = verify(kafka, "--dead-letters=dead");
                assertThat(proven.exitCode()).as(proven.all()).isZero();
                assertThat(proven.all())
                        .contains("10 requests of in, 9 answers of out, 1 dead letters of dead")
                        .contains("Alone   9 of 9 answers equal");

                TestingCommand unread = verify(kafka);
                assertThat(unread.exitCode()).as(unread.all()).isEqualTo(5);
                assertThat(unread.all()).contains("1 requests have no answer: in-1@4");

                producer.beginTransaction();
                producer.send(record("out", 0, 3, answers.get(3)));
                producer.flush();
                TestingCommand open = verify(kafka, "--dead-letters=dead");
                assertThat(open.exitCode()).as(open.all()).isZero();
                assertThat(open.all()).contains("holds back 1 offsets of out");
                producer.commitTransaction();
                TestingCommand twice = verify(kafka, "--dead-letters=dead");
                assertThat(twice.exitCode()).as(twice.all()).isEqualTo(5);
                assertThat(twice.all()).contains("1 answers beyond the first: 3 (in-1@1)");
            }
            TestingClients.send(
                    kafka.bootstrapServers(), List.of(record("in", 0, 11, requests.get(0))));
            TestingClients.send(
                    kafka.bootstrapServers(), List.of(record("out", 0, 12, answers.get(0))));
            TestingCommand key = verify(kafka, "--dead-letters=dead", "--sample=0");
            assertThat(key.exitCode()).as(key.all()).isEqualTo(4);
            assertThat(key.all()).contains("the answer's key is not the request's");
        }
    }

    private static TestingCommand verify(EmbeddedKafka kafka, String... more) {
        List<String> all =
                new ArrayList<>(
                        List.of(
                                "verify",
                                "--model=" + TestingAnswers.MODEL,
                                "--device=cpu",
                                "--bootstrap-servers=" + kafka.bootstrapServers(),
                                "--requests=in",
                                "--results=out"));
        all.addAll(List.of(more));
        return TestingCommand.run(all);
    }

    private static ProducerRecord<byte[], byte[]> record(
            String topic, int partition, int key, String value) {
        return new ProducerRecord<>(
                topic, partition, ("key-" + key).getBytes(UTF_8), value.getBytes(UTF_8));
    }
}
