package io.millrace.operators.event;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.math.BigInteger;
import java.util.Map;

/** Where an event's id comes from. */
sealed interface IdSource {
    String KEY = "key";
    String HEADER = "header:";
    String FIELD = "field:";

    /** The topic, the partition and the offset: equal again after a replay. */
    record ByPlace() implements IdSource {}

    /** The record's key. */
    record ByKey() implements IdSource {}

    /** A header, the last one of that name. */
    record ByHeader(String name) implements IdSource {}

    /** A field of the event, text or a whole number. */
    record ByField(FieldPath path) implements IdSource {}

    /**
     * Parses {@code key}, {@code header:NAME} or {@code field:a.b}; null is the place.
     *
     * @throws IllegalArgumentException it is none of these
     */
    static IdSource parse(String text) {
        if (text == null) {
            return new ByPlace();
        } else if (text.equals(KEY)) {
            return new ByKey();
        } else if (text.startsWith(HEADER) && text.length() > HEADER.length()) {
            return new ByHeader(text.substring(HEADER.length()));
        } else if (text.startsWith(FIELD)) {
            return new ByField(FieldPath.parse("--id-from", text.substring(FIELD.length())));
        }
        throw new IllegalArgumentException(
                "--id-from: \"" + text + "\" is none of key, header:NAME and field:a.b");
    }

    /**
     * The id of a record.
     *
     * @param event its fields; null if they could not be read
     * @throws CodecException it has none
     */
    default String of(EventRecord record, Map<String, Object> event) throws CodecException {
        if (this instanceof ByKey) {
            return text(record.key(), "the record's key");
        } else if (this instanceof ByHeader header) {
            return text(record.headers().get(header.name()), "header " + header.name());
        } else if (this instanceof ByField field) {
            return text(event == null ? null : field.path().of(event), field.path());
        }
        return record.place();
    }

    private static String text(byte[] bytes, String what) throws CodecException {
        String text = bytes == null ? null : Text.decode(bytes, 0, bytes.length);
        if (text == null || text.isEmpty()) {
            throw missing(
                    what
                            + (bytes == null
                                    ? " is missing"
                                    : text == null ? " is not UTF-8" : " is empty"));
        }
        return text;
    }

    private static String text(Object value, FieldPath path) throws CodecException {
        boolean whole =
                value instanceof Integer || value instanceof Long || value instanceof BigInteger;
        if (!whole && !(value instanceof String s && !s.isEmpty())) {
            throw missing(
                    "field "
                            + path
                            + " is "
                            + (value == null ? "missing" : Text.brief(kind(value), 60)));
        }
        String text = value.toString();
        if (Text.firstLoneSurrogate(text) >= 0) {
            throw missing("field " + path + " has half of a surrogate pair");
        }
        return text;
    }

    private static String kind(Object value) {
        return value instanceof String ? "empty" : Kinds.of(value);
    }

    private static CodecException missing(String what) {
        return new CodecException(
                FailureCode.MISSING_ID,
                what + ", which --id-from names: give each event one that is not empty",
                null);
    }
}
