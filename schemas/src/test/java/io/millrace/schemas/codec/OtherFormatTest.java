package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_16BE;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.SchemaRef;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class OtherFormatTest {
    private static final String JSON = "{\"id\":\"1\",\"prompt\":\"hi\"}";
    private static final byte[] AVRO =
            RecordCodec.open(RecordType.REQUEST, FormatSettings.AVRO, null)
                    .encode(Samples.smallRequest());
    private static final byte[] GUID = ByteBuffer.allocate(17).put((byte) 1).array();

    private static String refusal(FormatSettings format, byte[] value, byte[] schemaId) {
        var codec = RecordCodec.open(RecordType.REQUEST, format, null);
        CodecException e =
                catchThrowableOfType(CodecException.class, () -> codec.decode(value, schemaId));
        assertThat(e).isNotNull();
        assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
        return e.getMessage();
    }

    private static byte[] framed(byte[] value) {
        return ByteBuffer.allocate(5 + value.length).put((byte) 0).putInt(17).put(value).array();
    }

    @Test
    void aJobOfJsonSaysWhatItGot() throws Exception {
        byte[] binary = java.util.Arrays.copyOfRange(AVRO, 10, AVRO.length);
        assertThat(refusal(FormatSettings.JSON, framed(binary), null))
                .isEqualTo(
                        "not JSON, but Confluent's wire format, with the prefix of a schema registry"
                                + " (byte 0, schema id 17): use --format confluent with"
                                + " --registry-url");
        assertThat(refusal(FormatSettings.JSON, framed(JSON.getBytes(UTF_8)), null))
                .isEqualTo(
                        "not JSON, but JSON behind the prefix of a schema registry (byte 0, schema id"
                                + " 17): have the producer write JSON alone");
        assertThat(refusal(FormatSettings.JSON, binary, GUID))
                .isEqualTo(
                        "not JSON, but Avro whose schema a header, __value_schema_id, names: use"
                                + " --format confluent with --registry-url");
        assertThat(refusal(FormatSettings.JSON, AVRO, null))
                .isEqualTo("not JSON, but Avro's single-object encoding: use --format avro");
        for (Charset charset : new Charset[] {UTF_16, UTF_16LE, UTF_16BE}) {
            assertThat(refusal(FormatSettings.JSON, JSON.getBytes(charset), null))
                    .isEqualTo("not JSON, but UTF-16 or UTF-32 text: write UTF-8");
        }
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
            out.write(JSON.getBytes(UTF_8));
        }
        assertThat(refusal(FormatSettings.JSON, zipped.toByteArray(), null))
                .startsWith("not JSON, but gzip: let the producer compress");
    }

    @Test
    void aJobOfAvroSaysWhatItGot() {
        assertThat(refusal(FormatSettings.AVRO, JSON.getBytes(UTF_8), null))
                .isEqualTo("not Avro single-object encoding, but JSON: use --format json");
        assertThat(refusal(FormatSettings.AVRO, framed(AVRO), null))
                .contains("but Confluent's wire format, with the prefix");
        assertThat(refusal(FormatSettings.AVRO, new byte[] {2, 3}, null))
                .endsWith("which starts with C3 01 and an 8-byte fingerprint");
    }

    @Test
    void aJobOfConfluentsFormatSaysWhatItGot() {
        assertThat(catchThrowableOfType(CodecException.class, () -> SchemaRef.ofPrefix(AVRO)))
                .hasMessageContaining(
                        "but Avro's single-object encoding: use --format avro (there");
        byte[] json = ("\uFEFF\n" + JSON).getBytes(UTF_8);
        assertThat(catchThrowableOfType(CodecException.class, () -> SchemaRef.ofPrefix(json)))
                .hasMessageContaining("but JSON: use --format json");
    }

    @Test
    void jsonWithASchemaInAHeaderIsRead() throws Exception {
        var codec = RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);
        assertThat(codec.decode(JSON.getBytes(UTF_8), GUID)).isEqualTo(Samples.smallRequest());
    }
}
