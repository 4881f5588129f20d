package io.millrace.schemas.codec.avro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;

class AnsweredSchemaTest {
    private static final Schema TEXT = Schema.create(Schema.Type.STRING);

    private static final Schema ORDER =
            parse(
                    """
                    {"type":"record","name":"Order","namespace":"shop","doc":"An order.","owner":"me","fields":[
                      {"name":"id","type":"long","doc":"Its id."},
                      {"name":"mail","type":{"type":"record","name":"Mail","fields":[
                        {"name":"text","type":"string"},
                        {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["A","B"]}}]}},
                      {"name":"note","type":["null","string"],"default":null},
                      {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
                      {"name":"raw","type":"bytes"},
                      {"name":"tags","type":{"type":"map","values":"int"}},
                      {"name":"weights","type":{"type":"array","items":"float"}}]}
                    """);

    private static Schema parse(String json) {
        return new Schema.Parser().parse(json);
    }

    private static GenericRecord order() {
        GenericRecord mail = new GenericData.Record(ORDER.getField("mail").schema());
        mail.put("text", "Dear shop");
        mail.put(
                "kind",
                new GenericData.EnumSymbol(mail.getSchema().getField("kind").schema(), "B"));
        GenericRecord order = new GenericData.Record(ORDER);
        order.put("id", 17L);
        order.put("mail", mail);
        order.put("price", ByteBuffer.wrap(new byte[] {110}));
        order.put("raw", ByteBuffer.wrap(new byte[] {(byte) 0xFF}));
        Map<String, Integer> tags = new LinkedHashMap<>();
        tags.put("z", 1);
        tags.put("a", 2);
        order.put("tags", tags);
        order.put("weights", List.of(1.1f));
        return order;
    }

    private static byte[] bytes() {
        return AvroTree.write(order(), ORDER);
    }

    private static GenericRecord read() throws CodecException {
        return AvroTree.read(ORDER, ORDER, bytes(), 0);
    }

    /** What is written by the derived schema, read by it. */
    private static Map<String, Object> written(AnsweredSchema answered, Object answer)
            throws CodecException {
        byte[] written = answered.write(read(), answer);
        return AvroTree.tree(AvroTree.read(answered.schema(), answered.schema(), written, 0));
    }

    @Test
    void aRecordIsATreeOfPlainValues() throws Exception {
        assertThat(AvroTree.tree(read()))
                .hasToString(
                        "{id=17, mail={text=Dear shop, kind=B}, note=null, price=1.10,"
                                + " tags={a=2, z=1}, weights=[1.1]}")
                .containsEntry("price", new BigDecimal("1.10"));
    }

    @Test
    void theAnswerIsOneMoreFieldAndAllElseAsItWas() throws Exception {
        AnsweredSchema answered = AnsweredSchema.of(ORDER, List.of("answer"), false, TEXT);
        Schema schema = answered.schema();
        assertThat(schema.getFullName()).isEqualTo("shop.Order");
        assertThat(schema.getDoc()).isEqualTo("An order.");
        assertThat(schema.getProp("owner")).isEqualTo("me");
        assertThat(schema.getFields())
                .extracting(Schema.Field::name)
                .containsExactly("id", "mail", "note", "price", "raw", "tags", "weights", "answer");
        assertThat(schema.getField("note").hasDefaultValue()).isTrue();
        byte[] before = bytes();
        byte[] written = answered.write(read(), "hi");
        assertThat(written).hasSize(before.length + 3).startsWith(before);
        assertThat(Arrays.copyOfRange(written, before.length, written.length))
                .containsExactly(4, 'h', 'i');
        // Who reads events reads answered ones.
        assertThat(AvroTree.tree(AvroTree.read(schema, ORDER, written, 0)))
                .isEqualTo(AvroTree.tree(read()));
    }

    @Test
    void theAnswerGoesIntoRecordsWithinAndIntoNewOnes() throws Exception {
        assertThat(written(AnsweredSchema.of(ORDER, List.of("mail", "label"), false, TEXT), "hi"))
                .containsEntry("mail", Map.of("text", "Dear shop", "kind", "B", "label", "hi"));
        assertThat(written(AnsweredSchema.of(ORDER, List.of("a", "b", "c"), false, TEXT), "hi"))
                .containsEntry("a", Map.of("b", Map.of("c", "hi")))
                .containsEntry("id", 17L);
    }

    @Test
    void theAnswerMayOverwriteAndReplaceAndBeMany() throws Exception {
        assertThatThrownBy(() -> AnsweredSchema.of(ORDER, List.of("id"), false, TEXT))
                .hasMessageContaining("schema shop.Order has a field id already");
        assertThat(written(AnsweredSchema.of(ORDER, List.of("id"), true, TEXT), "hi"))
                .containsEntry("id", "hi");
        assertThat(
                        written(
                                AnsweredSchema.of(
                                        ORDER, List.of("answer"), false, Schema.createArray(TEXT)),
                                List.of("a", "b")))
                .containsEntry("answer", List.of("a", "b"));
        AnsweredSchema alone = AnsweredSchema.of(ORDER, null, false, TEXT);
        assertThat(alone.schema()).isEqualTo(TEXT);
        assertThat(alone.write(read(), "hi")).containsExactly(4, 'h', 'i');
    }

    @Test
    void whatHasNoPlaceIsRefusedWithTheReason() {
        assertThatThrownBy(() -> AnsweredSchema.of(ORDER, List.of("note", "x"), false, TEXT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("field note of schema shop.Order is of type union");
        assertThatThrownBy(() -> AnsweredSchema.of(ORDER, List.of("not a name"), false, TEXT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("\"not a name\" is no name of a field in Avro");
        Schema list =
                parse(
                        "{\"type\":\"record\",\"name\":\"Node\",\"fields\":["
                                + "{\"name\":\"next\",\"type\":[\"null\",\"Node\"]}]}");
        assertThatThrownBy(() -> AnsweredSchema.of(list, List.of("answer"), false, TEXT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("refers to itself");
    }

    @Test
    void bytesThatAreNoRecordAreRefused() {
        byte[] cut = Arrays.copyOf(bytes(), bytes().length - 1);
        assertThat(
                        catchThrowableOfType(
                                        CodecException.class,
                                        () -> AvroTree.read(ORDER, ORDER, cut, 0))
                                .code())
                .isEqualTo(FailureCode.UNREADABLE);
        Schema other =
                parse(
                        "{\"type\":\"record\",\"name\":\"Other\",\"fields\":["
                                + "{\"name\":\"x\",\"type\":\"int\"}]}");
        assertThat(
                        catchThrowableOfType(
                                CodecException.class,
                                () -> AvroTree.read(ORDER, other, bytes(), 0)))
                .hasMessageStartingWith("the event's schema shop.Order does not resolve to Other");
    }
}
