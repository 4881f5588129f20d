package io.millrace.schemas.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

class EventSchemasTest {
    private static final String JSON =
            "{\"type\":\"record\",\"name\":\"Mail\",\"fields\":["
                    + "{\"name\":\"text\",\"type\":\"string\"},"
                    + "{\"name\":\"n\",\"type\":\"int\"}]}";
    private static final Schema SCHEMA = new Schema.Parser().parse(JSON);

    @Test
    void schemasOfAJobAreChecked() {
        EventSchemas.check(FormatSettings.AVRO, List.of(JSON));
        EventSchemas.check(FormatSettings.JSON, List.of());
        assertThatThrownBy(() -> EventSchemas.check(FormatSettings.AVRO, List.of()))
                .hasMessageContaining("need --input-schema FILE");
        assertThatThrownBy(() -> EventSchemas.check(FormatSettings.JSON, List.of(JSON)))
                .hasMessageContaining("JSON has no schema");
        assertThatThrownBy(() -> EventSchemas.check(FormatSettings.AVRO, List.of("\"long\"")))
                .hasMessageContaining("events are records");
        assertThatThrownBy(
                        () ->
                                EventSchemas.check(
                                        FormatSettings.AVRO,
                                        List.of(JSON, JSON.replace("\"n\"", "\"m\""))))
                .hasMessageContaining("does not resolve to the last one, Mail");
    }

    @Test
    void aSchemaThatTheRegistryDoesNotTakeCostsTheEvent() throws Exception {
        try (TestingRegistry registry = new TestingRegistry()) {
            EventSchemas schemas =
                    new EventSchemas(
                            FormatSettings.confluent(RegistrySettings.of(registry.url())),
                            List.of());
            registry.refuseSchemas(409);
            for (int i = 0; i < 2; i++) {
                CodecException e =
                        catchThrowableOfType(
                                CodecException.class, () -> schemas.prefix(SCHEMA, "out"));
                assertThat(e.code()).isEqualTo(FailureCode.UNSUPPORTED);
                assertThat(e)
                        .hasMessageContaining("does not take our schema for subject out-value");
            }
            registry.refuseSchemas(0);
            Schema other = new Schema.Parser().parse(JSON.replace("Mail", "Note"));
            byte[] prefix = schemas.prefix(other, "out");
            assertThat(prefix).hasSize(5).startsWith(0);
            assertThat(schemas.prefix(other, "out")).isEqualTo(prefix);
        }
    }
}
