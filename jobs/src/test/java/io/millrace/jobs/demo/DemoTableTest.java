package io.millrace.jobs.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.stream.AnswerReader;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class DemoTableTest {
    @Test
    void countsRightLabelsAndShowsWrongOnes() {
        DemoTable table = table("a", "b");
        assertThat(table.add(answer("a", "spam", "spam | Cheap loans"))).doesNotContain(" x ");
        assertThat(table.complete()).isFalse();
        assertThat(table.add(answer("b", "ham", "spam | Lunch?"))).contains(" x ", "Lunch?");
        assertThat(table.complete()).isTrue();
        assertThat(table.allAnswered()).isTrue();
        assertThat(table.summary(1.5))
                .contains("2 of 2", "1 of 2", "median 20 ms", "median 120 ms", "1.5 s")
                .contains("token F1 0.250; the first eight words of the body 0.000");
    }

    @Test
    void aFailureIsSeenButNotAnswered() {
        DemoTable table = table("a");
        InferenceFailure failure =
                InferenceFailure.newBuilder()
                        .setId("a")
                        .setTopic("prompts")
                        .setPartition(0)
                        .setOffset(7)
                        .setCode("prompt_too_long")
                        .setMessage("Too long.")
                        .setOriginal(ByteBuffer.allocate(0))
                        .setOriginalLength(0)
                        .setOriginalSha256("")
                        .build();
        assertThat(table.add(new AnswerReader.Failure(record(), failure)))
                .contains("prompt_too_long");
        assertThat(table.complete()).isTrue();
        assertThat(table.allAnswered()).isFalse();
    }

    @Test
    void theSameAnswerTwiceIsNotTwoAnswers() {
        DemoTable table = table("a", "b");
        table.add(answer("a", "spam", "spam | x"));
        table.add(answer("a", "spam", "spam | x"));
        assertThat(table.allAnswered()).isFalse();
    }

    @Test
    void percentilesAreByNearestRank() {
        List<Long> values = LongStream.rangeClosed(1, 54).boxed().toList();
        assertThat(DemoTable.percentile(values, 50)).isEqualTo(27);
        assertThat(DemoTable.percentile(values, 99)).isEqualTo(54);
        assertThat(DemoTable.percentile(List.of(17L), 50)).isEqualTo(17);
    }

    private static DemoTable table(String... ids) {
        return new DemoTable(
                Stream.of(ids)
                        .map(id -> InferenceRequest.newBuilder().setId(id).setPrompt("Hi").build())
                        .toList());
    }

    private static AnswerReader.Answer answer(String id, String label, String text) {
        InferenceResult result =
                InferenceResult.newBuilder()
                        .setId(id)
                        .setModel("m")
                        .setModelFingerprint("f")
                        .setCompletions(
                                List.of(
                                        new Completion(
                                                0,
                                                text,
                                                List.of(1),
                                                "stop",
                                                null,
                                                null,
                                                null,
                                                null)))
                        .setUsage(new Usage(17, 5))
                        .setMetadata(
                                Map.of("label", label, "subject", "cheap LOANS for all of you"))
                        .build();
        ConsumerRecord<byte[], byte[]> record = record();
        header(record, RunHeaders.ADMITTED_MS, 1_050);
        header(record, RunHeaders.FIRST_TOKEN_MS, 1_070);
        header(record, RunHeaders.FINISHED_MS, 1_120);
        return new AnswerReader.Answer(record, result);
    }

    private static ConsumerRecord<byte[], byte[]> record() {
        return new ConsumerRecord<>(
                "answers",
                0,
                0,
                1_000,
                org.apache.kafka.common.record.TimestampType.CREATE_TIME,
                0,
                0,
                new byte[0],
                new byte[0],
                new org.apache.kafka.common.header.internals.RecordHeaders(),
                java.util.Optional.empty());
    }

    private static void header(ConsumerRecord<?, ?> record, String name, long value) {
        record.headers().add(name, Long.toString(value).getBytes(StandardCharsets.US_ASCII));
    }
}
