package io.millrace.operators.inference;

import io.millrace.gpu.common.Sha256;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Gets the loops over the bytes of long records compiled before the first one arrives: the first
 * runs in a JVM take twenty times as long as later ones.
 */
final class WarmUp {
    private static final int BYTES = 256 << 10;
    static final int MOST_ROUNDS = 20;

    /** Maximum time of a round once all is compiled. */
    private static final long COMPILED_NANOS = 3_000_000;

    private WarmUp() {}

    /**
     * Reads a record and encodes its dead letter repeatedly, until that is quick or a limit is
     * reached.
     */
    static void run() {
        run(COMPILED_NANOS);
    }

    /**
     * @param quick maximum nanoseconds of the last round
     * @return number of rounds
     */
    static int run(long quick) {
        byte[] value =
                ("{\"id\":\"warm-up\",\"prompt\":\"" + "warm up ".repeat(BYTES / 8) + "\"}")
                        .getBytes(StandardCharsets.UTF_8);
        Reading<InferenceRequest> requests = Reading.json(RecordType.REQUEST);
        RecordCodec<InferenceFailure> failures =
                RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
        for (int round = 1; round < MOST_ROUNDS; round++) {
            long begun = System.nanoTime();
            round(value, requests, failures);
            if (System.nanoTime() - begun < quick) {
                return round;
            }
        }
        round(value, requests, failures);
        return MOST_ROUNDS;
    }

    private static void round(
            byte[] value,
            Reading<InferenceRequest> requests,
            RecordCodec<InferenceFailure> failures) {
        try {
            Preparation.bytes(requests.read(value).getPrompt());
        } catch (CodecException e) {
            throw new IllegalStateException(e);
        }
        String sha256 = Sha256.hex(value);
        failures.encode(
                InferenceFailure.newBuilder()
                        .setTopic("")
                        .setPartition(0)
                        .setOffset(0)
                        .setCode(FailureCode.PROMPT_TOO_LONG.wireName())
                        .setMessage("")
                        .setOriginal(ByteBuffer.wrap(value))
                        .setOriginalLength(value.length)
                        .setOriginalSha256(sha256)
                        .build());
    }
}
