package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.Constraint;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The constraint of a request in each form that JSON may have it in. */
class ConstraintFormsTest {
    private final RecordCodec<InferenceRequest> requests =
            RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);

    private Constraint read(String field) throws CodecException {
        String json = "{\"prompt\":\"a\"," + field + ",\"id\":\"1\"}";
        InferenceRequest request = requests.decode(json.getBytes(UTF_8));
        assertThat(request.getPrompt()).isEqualTo("a");
        assertThat(requests.decode(requests.encode(request))).isEqualTo(request);
        return request.getConstraint();
    }

    private static Constraint schema(String text) {
        return new Constraint(null, null, text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"type\": \"object\", \"b\": 1.50, \"a\":[ 1e400, \"\u00e4\\u00e4\uD83D\uDE00\" ]}",
                "{}",
                "true",
                "false"
            })
    void aSchemaStaysTheTextThatItWasWrittenAs(String schema) throws Exception {
        assertThat(
                        read(
                                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                                        + "{\"name\":\"n\",\"strict\":true,\"schema\": "
                                        + schema
                                        + " ,\"description\":null}}"))
                .isEqualTo(schema(schema));
        assertThat(read("\"structured_outputs\":{\"json\":" + schema + "}"))
                .isEqualTo(schema(schema));
        assertThat(read("\"constraint\":{\"json_schema\":" + schema + "}"))
                .isEqualTo(schema(schema));
    }

    @Test
    void aSchemaMayBeTextAsInAvro() throws Exception {
        assertThat(read("\"constraint\":{\"json_schema\":\"{ }\"}")).isEqualTo(schema("{ }"));
        assertThat(read("\"structured_outputs\":{\"json\":\"{ }\"}")).isEqualTo(schema("{ }"));
    }

    @Test
    void anyObjectIsASchemaAndTextIsNone() throws Exception {
        Constraint object = schema("{\"type\":\"object\"}");
        assertThat(read("\"response_format\":{\"type\":\"json_object\"}")).isEqualTo(object);
        assertThat(read("\"structured_outputs\":{\"json_object\":true}")).isEqualTo(object);
        assertThat(read("\"response_format\":{\"type\":\"text\"}")).isNull();
        assertThat(read("\"response_format\":null")).isNull();
        assertThat(read("\"structured_outputs\":{}")).isNull();
        assertThat(read("\"structured_outputs\":{\"json\":null,\"json_object\":false}")).isNull();
    }

    @Test
    void patternsAndChoices() throws Exception {
        assertThat(read("\"structured_outputs\":{\"regex\":\"a+\"}"))
                .isEqualTo(new Constraint(null, "a+", null));
        assertThat(read("\"structured_outputs\":{\"choice\":[\"a\",\"b\"]}"))
                .isEqualTo(new Constraint(List.of("a", "b"), null, null))
                .isEqualTo(read("\"constraint\":{\"choice\":[\"a\",\"b\"]}"));
    }

    @Test
    void aSchemaMayNestDeeperThanARequest() throws Exception {
        String deep = "{\"items\":".repeat(200) + "{}" + "}".repeat(200);
        assertThat(read("\"constraint\":{\"json_schema\":" + deep + "}")).isEqualTo(schema(deep));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    "response_format":{}                                          | UNREADABLE        | field response_format.type is missing: write json_schema, json_object or text
                    "response_format":{"type":"grammar"}                          | UNSUPPORTED       | field response_format.type is grammar: this release has json_schema, json_object and text
                    "response_format":{"type":"json_schema"}                      | UNREADABLE        | field response_format.json_schema is missing: write the schema there
                    "response_format":{"type":"json_object","json_schema":{"schema":{}}} | UNREADABLE | field response_format.json_schema stands beside the type json_object
                    "response_format":{"type":"json_schema","json_schema":{"name":"n"}} | UNREADABLE  | field response_format.json_schema.schema is missing
                    "response_format":{"type":"json_schema","json_schema":{"shema":{}}} | UNKNOWN_FIELD | unknown field response_format.json_schema.shema: remove it (there are schema, name, description, strict)
                    "response_format":{"type":"json_schema","schema":{}}          | UNKNOWN_FIELD     | unknown field response_format.schema: remove it (there are type, json_schema)
                    "response_format":{"type":"text","type":"text"}               | UNREADABLE        | field response_format.type stands twice: keep one
                    "response_format":"json"                                      | INVALID_PARAMETER | field response_format must be an object, not text
                    "response_format":{"type":"json_schema","json_schema":{"schema":7}} | INVALID_PARAMETER | field response_format.json_schema.schema must be text, not the number 7
                    "structured_outputs":{"grammar":"x"}                          | UNSUPPORTED       | field structured_outputs.grammar is set: this release has json, json_object, regex and choice
                    "structured_outputs":{"json":{},"json_object":true}           | UNREADABLE        | field structured_outputs.json_object stands beside another schema: keep one
                    "structured_outputs":{"regex":"a","regex":"b"}                | UNREADABLE        | field structured_outputs.regex stands twice: keep one
                    "structured_outputs":{"choice":["a"],"choice":[]}             | UNREADABLE        | field structured_outputs.choice stands twice: keep one
                    "structured_outputs":{"choice":["a",1]}                       | INVALID_PARAMETER | field structured_outputs.choice[1] must be text, not the number 1
                    "constraint":{"regex":"a"},"response_format":{"type":"text"}  | UNREADABLE        | field response_format says what another field says: keep one
                    "structured_outputs":{},"constraint":{}                       | UNREADABLE        | field constraint stands twice: keep one
                    "constraint":{"json_schema":[]}                               | INVALID_PARAMETER | field constraint.json_schema must be text, not an array
                    "guided_json":{}                                              | UNKNOWN_FIELD     | unknown field guided_json: write response_format, or constraint.json_schema
                    """)
    void whatIsNoConstraintIsRefusedByName(String field, FailureCode code, String message) {
        CodecException refused = catchThrowableOfType(() -> read(field), CodecException.class);
        assertThat(refused.getMessage()).startsWith(message);
        assertThat(refused.code()).isEqualTo(code);
        assertThat(refused.id()).isEqualTo("1");
    }
}
