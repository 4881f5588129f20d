package io.millrace.schemas.codec.record;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Recognizes what a value is that is not in the job's format, since "CTRL-CHAR, code 0" helps
 * nobody.
 */
public final class OtherFormat {
    private static final int AVRO_HEADER_BYTES = 10;

    private OtherFormat() {}

    /**
     * What the value is, and what to do.
     *
     * @param wanted the job's format
     * @param schemaId value of the header that names its schema, or null
     * @return half a sentence, or null if it is nothing known
     */
    public static String of(byte[] value, byte[] schemaId, WireFormat wanted) {
        int first = value.length == 0 ? -1 : value[0] & 0xFF;
        int second = value.length < 2 ? -1 : value[1] & 0xFF;
        if (isWide(first, second, value)) {
            return "UTF-16 or UTF-32 text: write UTF-8";
        }
        if (first == 0x1F && second == 0x8B) {
            return "gzip: let the producer compress (its compression.type), not the program";
        }
        if (schemaId != null && wanted != WireFormat.CONFLUENT && !isJson(value)) {
            return "Avro whose schema a header, "
                    + SchemaRef.HEADER
                    + ", names: use --format confluent with --registry-url";
        }
        if (first == 0 && value.length > SchemaRef.ID_BYTES && wanted != WireFormat.CONFLUENT) {
            String prefix =
                    "the prefix of a schema registry (byte 0, schema id "
                            + ByteBuffer.wrap(value).getInt(1)
                            + ")";
            return value[SchemaRef.ID_BYTES] == '{'
                    ? "JSON behind " + prefix + ": have the producer write JSON alone"
                    : "Confluent's wire format, with "
                            + prefix
                            + ": use --format confluent with --registry-url";
        }
        if (first == 0xC3
                && second == 0x01
                && value.length >= AVRO_HEADER_BYTES
                && wanted != WireFormat.AVRO) {
            return "Avro's single-object encoding: use --format avro";
        }
        if (wanted != WireFormat.JSON && isJson(value)) {
            return "JSON: use --format json";
        }
        return null;
    }

    /** A byte order mark, or a brace and a byte 0 on one side of it. */
    private static boolean isWide(int first, int second, byte[] value) {
        boolean mark = first == 0xFE && second == 0xFF || first == 0xFF && second == 0xFE;
        boolean little = first == '{' && second == 0;
        boolean big = first == 0 && second == '{' && value.length > 2 && value[2] == 0;
        return mark && value.length > 2 || little || big;
    }

    private static boolean isJson(byte[] value) {
        String start = new String(value, 0, Math.min(value.length, 64), StandardCharsets.UTF_8);
        return (start.startsWith("\uFEFF") ? start.substring(1) : start).strip().startsWith("{");
    }
}
