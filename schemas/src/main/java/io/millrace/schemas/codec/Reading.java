package io.millrace.schemas.codec;

import static java.util.stream.Collectors.toUnmodifiableMap;

import io.millrace.schemas.codec.avro.AvroDatum;
import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.json.JsonReader;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.Draft;
import io.millrace.schemas.codec.record.Ids;
import io.millrace.schemas.codec.record.RecordType;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * How the bytes of one record are read: in which form they are, and by which schema they were
 * written. Knows all that is needed, so that no registry is asked again. Any thread.
 */
public final class Reading<T extends SpecificRecordBase> {
    private final RecordType<T> type;

    /** Null for JSON. */
    private final Schema writer;

    private final long fingerprint;
    private final int start;

    /** Null for none. Explains what is refused as JSON, and nothing else. */
    private final byte[] schemaId;

    private Reading(
            RecordType<T> type, Schema writer, long fingerprint, int start, byte[] schemaId) {
        this.type = type;
        this.writer = writer;
        this.fingerprint = fingerprint;
        this.start = start;
        this.schemaId = schemaId;
    }

    /** All of the bytes are one JSON object. */
    public static <T extends SpecificRecordBase> Reading<T> json(RecordType<T> type) {
        return new Reading<>(type, null, 0, 0, null);
    }

    /**
     * The bytes are Avro binary after a prefix. Costly, since the schema's fingerprint is taken:
     * keep it.
     *
     * @param writer the schema that they were written by
     * @param start bytes of the prefix
     */
    public static <T extends SpecificRecordBase> Reading<T> avro(
            RecordType<T> type, Schema writer, int start) {
        return new Reading<>(type, writer, ReleasedSchemas.fingerprint(writer), start, null);
    }

    /**
     * Readings by every schema that was released, without a prefix, by {@link #fingerprint}.
     * Costly: keep them.
     */
    public static <T extends SpecificRecordBase> Map<Long, Reading<T>> released(
            RecordType<T> type) {
        return ReleasedSchemas.load(type).versions().stream()
                .map(writer -> avro(type, writer, 0))
                .collect(toUnmodifiableMap(Reading::fingerprint, reading -> reading));
    }

    /** By the same schema, after another prefix. */
    public Reading<T> after(int prefix) {
        return prefix == start ? this : new Reading<>(type, writer, fingerprint, prefix, schemaId);
    }

    /** The same, but what is refused is explained by this schema id of its header as well. */
    Reading<T> explainedBy(byte[] header) {
        return new Reading<>(type, writer, fingerprint, start, header);
    }

    /**
     * Reads a record. Takes memory in proportion to the bytes, whatever they claim.
     *
     * @throws CodecException if the bytes are not such a record
     */
    public T read(byte[] bytes) throws CodecException {
        T record =
                writer == null
                        ? type.cast(json(bytes).read(type))
                        : AvroDatum.read(type, writer, bytes, start);
        Ids.require(type, record);
        return record;
    }

    private JsonReader json(byte[] bytes) {
        // A typing mistake in a request must not pass silently; a newer release's result may.
        return new JsonReader(bytes, schemaId, type == RecordType.REQUEST);
    }

    /**
     * Reads a record for somebody who wants to mend it: goes on past what is wrong, in JSON. Of
     * Avro there is nothing to read behind a fault.
     */
    public Draft<T> draft(byte[] bytes) {
        if (writer == null) {
            return json(bytes).draft(type);
        }
        try {
            return new Draft<>(read(bytes), List.of(), Set.of());
        } catch (CodecException e) {
            return new Draft<>(null, List.of(e), Set.of());
        }
    }

    /** The schema that the bytes were written by; null for JSON. */
    public Schema writer() {
        return writer;
    }

    /** CRC-64-AVRO of {@link #writer}, 0 for JSON. */
    public long fingerprint() {
        return fingerprint;
    }

    /** Bytes before the record. */
    public int start() {
        return start;
    }

    @Override
    public String toString() {
        return writer == null
                ? "json " + type
                : "%s by schema %016x after %d bytes".formatted(type, fingerprint, start);
    }
}
