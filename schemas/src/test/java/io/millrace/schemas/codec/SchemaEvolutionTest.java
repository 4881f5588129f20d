package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.RecordType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.Encoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificRecordBase;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Releases must read each other's records. A change of a schema is a new file in {@code released},
 * and {@code -Dmillrace.update=true} writes its frozen bytes; frozen bytes never change.
 */
class SchemaEvolutionTest {

    /** Version 1 of a request with one field more: a release that is not there yet. */
    private static Schema next() {
        Schema now = ReleasedSchemas.load(RecordType.REQUEST).current();
        List<Schema.Field> fields = new ArrayList<>();
        for (Schema.Field field : now.getFields()) {
            fields.add(new Schema.Field(field, field.schema()));
        }
        Schema text =
                Schema.createUnion(
                        Schema.create(Schema.Type.NULL), Schema.create(Schema.Type.STRING));
        fields.add(3, new Schema.Field("later", text, "Not yet.", Schema.Field.NULL_DEFAULT_VALUE));
        return Schema.createRecord(now.getName(), now.getDoc(), now.getNamespace(), false, fields);
    }

    static Stream<RecordType<?>> types() {
        return Stream.of(RecordType.REQUEST, RecordType.RESULT, RecordType.FAILURE);
    }

    @ParameterizedTest
    @MethodSource("types")
    void theNewestReleasedSchemaIsTheOneThatClassesAreMadeFrom(RecordType<?> type) {
        Schema newest = ReleasedSchemas.load(type).current();
        assertThat(ReleasedSchemas.fingerprint(newest))
                .as("%s.avsc changed: add it to released/ as a new version", newest.getName())
                .isEqualTo(ReleasedSchemas.fingerprint(type.schema()));
        assertThat(defaults(newest)).isEqualTo(defaults(type.schema()));
    }

    @ParameterizedTest
    @MethodSource("types")
    void allVersionsReadEachOther(RecordType<?> type) {
        List<Schema> versions = new ArrayList<>(ReleasedSchemas.load(type).versions());
        if (type == RecordType.REQUEST) {
            versions.add(next());
        }
        for (Schema reader : versions) {
            for (Schema writer : versions) {
                assertThat(
                                SchemaCompatibility.checkReaderWriterCompatibility(reader, writer)
                                        .getType())
                        .isEqualTo(SchemaCompatibilityType.COMPATIBLE);
            }
        }
    }

    @Test
    void thisReleaseReadsATopicWithTwoVersionsMixed() throws Exception {
        Schema next = next();
        ReleasedSchemas both =
                ReleasedSchemas.of(
                        List.of(next, ReleasedSchemas.load(RecordType.REQUEST).current()));
        RecordCodec<InferenceRequest> codec = new AvroCodec<>(RecordType.REQUEST, both);
        for (int i = 0; i < 17; i++) {
            InferenceRequest expected = Samples.fullRequest();
            expected.setId("" + i);
            byte[] bytes = i % 2 == 0 ? codec.encode(expected) : encode(next, expected);
            assertThat(codec.decode(bytes)).isEqualTo(expected);
        }
    }

    @Test
    void anOlderReleaseReadsWhatThisOneWrites() throws Exception {
        // Roles changed: here "next" is the reader that knows another set of fields.
        byte[] bytes =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.AVRO, null)
                        .encode(Samples.fullRequest());
        GenericRecord read =
                new GenericDatumReader<GenericRecord>(RecordType.REQUEST.schema(), next())
                        .read(
                                null,
                                DecoderFactory.get()
                                        .binaryDecoder(bytes, 10, bytes.length - 10, null));
        assertThat(read.get("id").toString()).isEqualTo("order-17");
        assertThat(read.get("later")).isNull();
        assertThat(read.get("metadata").toString()).contains("a");
    }

    @Test
    void readsTheFrozenBytesOfEveryVersionForEver() throws Exception {
        check(RecordType.REQUEST, Samples::fullRequest);
        check(RecordType.RESULT, Samples::fullResult);
        check(RecordType.FAILURE, version -> Samples.fullFailure());
    }

    private static <T extends SpecificRecordBase> void check(
            RecordType<T> type, IntFunction<T> byVersion) throws Exception {
        RecordCodec<T> avro = RecordCodec.open(type, FormatSettings.AVRO, null);
        RecordCodec<T> json = RecordCodec.open(type, FormatSettings.JSON, null);
        int newest = ReleasedSchemas.load(type).versions().size();
        for (int version = 1; version <= newest; version++) {
            T expected = byVersion.apply(version);
            String name = "/frozen/" + type.schema().getName() + "/" + version;
            if (version == newest && Boolean.getBoolean("millrace.update")) {
                freeze(name, avro.encode(expected), json.encode(expected));
                continue;
            }
            byte[] avroBytes = HexFormat.of().parseHex(resource(name + ".avro.hex").strip());
            byte[] jsonBytes = resource(name + ".json").strip().getBytes(UTF_8);
            assertThat(avro.decode(avroBytes)).isEqualTo(expected);
            assertThat(json.decode(jsonBytes)).isEqualTo(expected);
            if (version == newest) {
                assertThat(avro.encode(expected)).isEqualTo(avroBytes);
                assertThat(json.encode(expected)).isEqualTo(jsonBytes);
            }
        }
    }

    private static void freeze(String name, byte[] avro, byte[] json) throws IOException {
        Path file = Path.of("src/test/resources" + name);
        if (Files.exists(Path.of(file + ".avro.hex"))) {
            throw new AssertionError(file + " is frozen: a changed schema is a new version");
        }
        Files.createDirectories(file.getParent());
        Files.writeString(Path.of(file + ".avro.hex"), HexFormat.of().formatHex(avro) + "\n");
        Files.writeString(Path.of(file + ".json"), new String(json, UTF_8) + "\n");
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = SchemaEvolutionTest.class.getResourceAsStream(name)) {
            assertThat(in).as(name).isNotNull();
            return new String(in.readAllBytes(), UTF_8);
        }
    }

    private static List<String> defaults(Schema schema) {
        return schema.getFields().stream()
                .map(f -> f.name() + "=" + (f.hasDefaultValue() ? f.defaultVal() : "none"))
                .toList();
    }

    private static byte[] encode(Schema schema, InferenceRequest request) throws IOException {
        GenericRecord record = new GenericData.Record(schema);
        for (Schema.Field field : request.getSchema().getFields()) {
            record.put(field.name(), request.get(field.pos()));
        }
        record.put("later", "something new");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteBuffer header = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN);
        header.put((byte) 0xC3).put((byte) 1).putLong(ReleasedSchemas.fingerprint(schema));
        out.writeBytes(header.array());
        Encoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
        return out.toByteArray();
    }
}
