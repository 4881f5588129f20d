package io.millrace.operators.event;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvelopeTest {
    private static final String CLOUD_EVENT =
            "{\"specversion\":\"1.0\",\"id\":\"a-17\",\"source\":\"/shop\",\"type\":\"order\","
                    + "\"time\":\"2026-11-30T12:00:00Z\", \"dataschema\":\"/s\","
                    + "\"data\":{\"text\":\"hi\",\"n\":1.10}}";
    private static final String CONNECT =
            "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"field\":\"text\"}]},"
                    + "\"payload\":{\"text\":\"hi\"}}";

    private static EventForm.Builder form(String unwrap) {
        return TestingEvents.form(9).setUnwrap(unwrap).setSource("/millrace/app");
    }

    private static EventRecord record(String value) {
        return new EventRecord("shop", 2, 97, 17, null, Map.of(), value.getBytes(UTF_8));
    }

    private static String answered(
            EventForm.Builder form, String value, boolean json, String... answers)
            throws CodecException {
        EventReading reading = new EventReading(form.build());
        assertThat(reading.read(record(value)).getPrompt()).isEqualTo("hi");
        return new String(reading.answered(record(value), List.of(answers), json), UTF_8);
    }

    @Test
    void aCloudEventWithAnAnswerIsANewOne() throws Exception {
        assertThat(answered(form("cloudevents"), CLOUD_EVENT, false, "ho"))
                .isEqualTo(
                        "{\"specversion\":\"1.0\",\"id\":\"shop/2/97\",\"source\":\"/millrace/app\","
                                + "\"type\":\"io.millrace.result\",\"time\":\"2026-11-30T12:00:00Z\", "
                                + "\"data\":{\"text\":\"hi\",\"n\":1.10,\"answer\":\"ho\"},"
                                + "\"causationid\":\"a-17\"}");
        assertThat(
                        answered(
                                form("cloudevents").setResultField(null),
                                CLOUD_EVENT,
                                true,
                                "{\"a\":1}"))
                .contains("\"data\":{\"a\":1},");
    }

    @Test
    void connectsSchemaGetsTheField() throws Exception {
        assertThat(answered(form("connect"), CONNECT, false, "ho"))
                .isEqualTo(
                        "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"field\":\"text\"},"
                                + "{\"type\":\"string\",\"optional\":false,\"field\":\"answer\"}]},"
                                + "\"payload\":{\"text\":\"hi\",\"answer\":\"ho\"}}");
        // Connect's types have no JSON, so it is text.
        assertThat(answered(form("connect"), CONNECT, true, "{\"a\":1}"))
                .contains("\"answer\":\"{\\\"a\\\":1}\"");
        assertThat(answered(form("connect"), CONNECT, false, "a", "b"))
                .contains("{\"type\":\"array\",\"items\":{\"type\":\"string\"")
                .contains("\"answer\":[\"a\",\"b\"]");
        String bare = "{\"schema\":null,\"payload\":{\"text\":\"hi\"}}";
        assertThat(answered(form("connect").setResultField("a.b"), bare, true, "1"))
                .isEqualTo("{\"schema\":null,\"payload\":{\"text\":\"hi\",\"a\":{\"b\":1}}}");
    }

    @Test
    void debeziumsRowIsTheOneAfterTheChange() throws Exception {
        assertThat(
                        answered(
                                form("debezium"),
                                "{\"before\":null,\"after\":{\"text\":\"hi\"},\"op\":\"c\",\"ts_ms\":1}",
                                false,
                                "ho"))
                .isEqualTo(
                        "{\"before\":null,\"after\":{\"text\":\"hi\",\"answer\":\"ho\"},\"op\":\"c\",\"ts_ms\":1}");
        EventReading reading = new EventReading(form("debezium").build());
        assertThat(
                        reading.passes(
                                record(
                                        "{\"before\":{\"text\":\"x\"},\"after\":null,\"op\":\"d\"}")))
                .isTrue();
        assertThat(reading.passes(record("{\"after\":{\"text\":\"x\"},\"op\":\"c\"}"))).isFalse();
        assertThat(reading.passes(record("no JSON"))).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "cloudevents | {\"text\":\"hi\"} | it has no field specversion",
                "cloudevents | {\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\",\"type\":\"t\",\"data\":\"x\"} | its data is text, not an object",
                "connect     | {\"payload\":{}} | it has no field schema",
                "connect     | {\"schema\":{},\"payload\":null} | its payload is null, not an object",
                "debezium    | {\"schema\":{},\"payload\":{\"op\":\"c\"}} | value.converter.schemas.enable=false",
                "debezium    | {\"after\":{}} | it has no field op"
            })
    void whatIsNoEnvelopeIsNamed(String unwrap, String value, String message) {
        CodecException e =
                catchThrowableOfType(
                        CodecException.class,
                        () -> new EventReading(form(unwrap).build()).read(record(value)));
        assertThat(e)
                .hasMessageStartingWith("no envelope of --unwrap " + unwrap + ": ")
                .hasMessageContaining(message);
        assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(e.id()).isEqualTo("shop/2/97");
    }

    @Test
    void anAnswerThatConnectsSchemaCannotHaveIsRefused() {
        for (String field : List.of("a.b", "text")) {
            EventReading reading =
                    new EventReading(
                            form("connect").setResultField(field).setOverwrite(true).build());
            assertThat(
                            catchThrowableOfType(
                                    CodecException.class, () -> reading.read(record(CONNECT))))
                    .hasMessageContaining("Connect's schema has no place for field " + field);
        }
        assertThatThrownBy(() -> new EventReading(form("xml").build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("none of cloudevents, debezium and connect");
    }
}
