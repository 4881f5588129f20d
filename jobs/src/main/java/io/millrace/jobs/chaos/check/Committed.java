package io.millrace.jobs.chaos.check;

import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/**
 * One committed record.
 *
 * @param name name of its request: a result's id, a failure's {@link PromptSet#place}
 * @param result null for a failure
 * @param failure null for a result
 * @param arrivedMs first arrival of the request at the job
 * @param finishedMs completion of its answer
 * @param attempts number of restores of the request
 */
public record Committed(
        String name,
        InferenceResult result,
        InferenceFailure failure,
        byte[] key,
        byte[] value,
        long arrivedMs,
        long finishedMs,
        long attempts) {

    static Committed result(ConsumerRecord<byte[], byte[]> record, InferenceResult result) {
        return new Committed(
                result.getId(),
                result,
                null,
                record.key(),
                record.value(),
                header(record, RunHeaders.ARRIVED_MS),
                header(record, RunHeaders.FINISHED_MS),
                header(record, RunHeaders.ATTEMPTS));
    }

    static Committed failure(ConsumerRecord<byte[], byte[]> record, InferenceFailure failure) {
        String name = PromptSet.place(failure.getPartition(), failure.getOffset());
        return new Committed(name, null, failure, record.key(), record.value(), -1, -1, 0);
    }

    private static long header(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null
                ? -1
                : Long.parseLong(new String(header.value(), StandardCharsets.US_ASCII));
    }

    /** Whether the request was in flight at a time. */
    public boolean underWay(long timeMs) {
        return arrivedMs < timeMs && timeMs < finishedMs;
    }

    /** Whether the request was in flight at a time, and was restored since. */
    public boolean crossed(long timeMs) {
        return attempts > 0 && underWay(timeMs);
    }
}
