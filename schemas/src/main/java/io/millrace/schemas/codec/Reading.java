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
 * A decoder for the bytes of one record, with their form and writer schema, so that no registry is
 * queried again. Any thread.
 */
public final class Reading<T extends SpecificRecordBase> {
    private final RecordType<T> type;

    /** Null for JSON. */
    private final Schema writer;

    private final long fingerprint;
    private final int start;

    /**
     * The schema id of a header, or null; only for messages about bytes that are refused as JSON.
     */
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

    /** The same schema after another prefix. */
    public Reading<T> after(int prefix) {
        return prefix == start ? this : new Reading<>(type, writer, fingerprint, prefix, schemaId);
    }

    /** The same, with a header's schema id for messages. */
    Reading<T> explainedBy(byte[] header) {
        return new Reading<>(type, writer, fingerprint, start, header);
    }

    /**
     * Reads a record. Memory is proportional to the bytes, regardless of the lengths in them.
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
        // An unknown field of a request may be a typing error, and is refused; a result of a newer
        // release may have one.
        return new JsonReader(bytes, schemaId, type == RecordType.REQUEST);
    }

    /**
     * Reads a record with all its faults, to be corrected: JSON is read on after a fault, Avro
     * cannot be.
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

    /** The writer schema; null for JSON. */
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
