package io.millrace.operators.kafka.sink;

import io.millrace.gpu.common.Sha256;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.codec.RecordCodec;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Predicate;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Makes failure records that fit their topic. A record that is too large loses, in this order and
 * only as far as needed: the original after its first 64 KiB, more of the original, its headers,
 * the key, the end of the id, the end of the message. Topic, partition, offset, code, length and
 * SHA-256 are always kept.
 */
final class FailureFitter {

    static final int KEPT_BYTES = 65_536;

    private static final int KEPT_ID = 128;
    private static final int KEPT_MESSAGE = 256;

    private final RecordCodec<InferenceFailure> codec;
    private final HeaderRules rules;
    private final RecordMaker maker;
    private final Predicate<ProducerRecord<byte[], byte[]>> fits;
    private final int mostBytes;

    /** Makes the Kafka record. */
    interface RecordMaker {
        ProducerRecord<byte[], byte[]> make(
                byte[] key, byte[] value, List<Origin.Header> headers, Outcome.Failed failed);
    }

    /**
     * @param mostBytes length of the original above which the record is known not to fit
     */
    FailureFitter(
            RecordCodec<InferenceFailure> codec,
            HeaderRules rules,
            RecordMaker maker,
            Predicate<ProducerRecord<byte[], byte[]>> fits,
            int mostBytes) {
        this.mostBytes = mostBytes;
        this.codec = codec;
        this.rules = rules;
        this.maker = maker;
        this.fits = fits;
    }

    ProducerRecord<byte[], byte[]> fit(Outcome.Failed failed) {
        Origin origin = failed.origin();
        String sha256 = Sha256.hex(origin.value());
        Draft draft =
                new Draft(
                        failed,
                        failed.id(),
                        failed.message(),
                        origin.key(),
                        rules.ofFailure(origin, failed.facts()),
                        sha256);
        int whole = origin.value().length;
        ProducerRecord<byte[], byte[]> record;
        if (whole <= mostBytes) {
            record = make(draft, whole);
            if (fits.test(record)) {
                return record;
            }
        }
        record = cut(draft, Math.min(whole, KEPT_BYTES));
        if (record == null && !draft.headers.isEmpty()) {
            draft = draft.withoutHeaders();
            record = cut(draft, Math.min(whole, KEPT_BYTES));
        }
        if (record == null) {
            draft = draft.bare();
            record = cut(draft, Math.min(whole, KEPT_BYTES));
        }
        if (record == null) {
            throw new IllegalStateException(
                    "not even a bare failure record fits topic " + make(draft, 0).topic());
        }
        return record;
    }

    /**
     * The record with as much of the original as fits, up to a length; null if it does not fit
     * without.
     */
    private ProducerRecord<byte[], byte[]> cut(Draft draft, int most) {
        ProducerRecord<byte[], byte[]> record = make(draft, most);
        if (fits.test(record)) {
            return record;
        }
        record = make(draft, 0);
        if (!fits.test(record)) {
            return null;
        }
        int fitting = 0;
        int tooMany = most;
        while (tooMany - fitting > 1) {
            int middle = (fitting + tooMany) >>> 1;
            ProducerRecord<byte[], byte[]> tried = make(draft, middle);
            if (fits.test(tried)) {
                fitting = middle;
                record = tried;
            } else {
                tooMany = middle;
            }
        }
        return record;
    }

    private ProducerRecord<byte[], byte[]> make(Draft draft, int kept) {
        Origin origin = draft.failed.origin();
        InferenceFailure failure =
                InferenceFailure.newBuilder()
                        .setId(draft.id)
                        .setTopic(origin.source())
                        .setPartition(origin.position().partition())
                        .setOffset(origin.position().offset())
                        .setCode(draft.failed.code().wireName())
                        .setMessage(draft.message)
                        .setOriginal(
                                ByteBuffer.wrap(
                                        origin.value(), 0, characterBorder(origin.value(), kept)))
                        .setOriginalLength(origin.value().length)
                        .setOriginalSha256(draft.sha256)
                        .build();
        return maker.make(draft.key, codec.encode(failure), draft.headers, draft.failed);
    }

    /** The length, less the bytes of a UTF-8 character that would be split there. */
    static int characterBorder(byte[] bytes, int length) {
        if (length == bytes.length) {
            return length;
        }
        int border = length;
        while (border > 0 && length - border < 3 && (bytes[border] & 0xC0) == 0x80) {
            border--;
        }
        // Four continuation bytes in a row are no UTF-8: keep the length.
        return (bytes[border] & 0xC0) == 0x80 ? length : border;
    }

    /** The parts of a record, without the original. */
    private record Draft(
            Outcome.Failed failed,
            String id,
            String message,
            byte[] key,
            List<Origin.Header> headers,
            String sha256) {

        Draft withoutHeaders() {
            return new Draft(
                    failed,
                    id,
                    message + " (" + headers.size() + " headers did not fit this record)",
                    key,
                    List.of(),
                    sha256);
        }

        Draft bare() {
            return new Draft(
                    failed,
                    id == null ? null : brief(id, KEPT_ID),
                    brief(failed.message(), KEPT_MESSAGE)
                            + " (headers, key, and the ends of a long id and message did not fit"
                            + " this record)",
                    null,
                    List.of(),
                    sha256);
        }

        private static String brief(String text, int longest) {
            return text.length() <= longest ? text : text.substring(0, longest);
        }
    }
}
