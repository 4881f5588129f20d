package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.Draft;
import io.millrace.schemas.codec.record.RecordType;
import java.util.List;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DraftTest {
    private static final Reading<InferenceRequest> JSON = Reading.json(RecordType.REQUEST);

    private static Draft<InferenceRequest> draft(String json) {
        return JSON.draft(json.getBytes(UTF_8));
    }

    private static List<String> read(String json) {
        return draft(json).faults().stream().map(Throwable::getMessage).toList();
    }

    @Test
    void aDraftGoesOnPastFaultsAndKeepsTheRest() {
        Draft<InferenceRequest> draft =
                draft(
                        "{\"promt\":{\"a\":[1,{}]},\"max_tokens\":\"5\",\"temperature\":[0.5,{\"x\":1}],"
                                + "\"top_p\":0.5,\"constraint\":{\"regex\":1,\"chioce\":[]},"
                                + "\"messages\":[{\"role\":\"user\"},{\"content\":7}],\"n\":17,\"n\":3}");
        assertThat(draft.faults())
                .extracting(Throwable::getMessage)
                .containsExactly(
                        "unknown field promt: did you mean prompt?",
                        "field max_tokens must be a whole number, not text: write 5 without quotes",
                        "field temperature must be a number, not an array",
                        "field constraint.regex must be text, not the number 1",
                        "unknown field constraint.chioce: did you mean constraint.choice?",
                        "field messages[0].content is missing",
                        "field messages[1].content must be text, not the number 7",
                        "field messages[1].role is missing",
                        "field n stands twice: keep one",
                        "field id is missing: give each request an id, a text that is not empty,"
                                + " such as \"id\":\"1\"");
        assertThat(draft.unread())
                .containsExactlyInAnyOrder(
                        "prompt", "max_tokens", "temperature", "constraint", "messages", "n", "id");
        assertThat(draft.record().getTopP()).isEqualTo(0.5);
        assertThat(draft.record().getN()).isEqualTo(17);
        assertThat(draft.record().getMaxTokens()).isNull();
    }

    @Test
    void whatIsNoJsonAnyMoreEndsADraftBehindTheFaultsBeforeIt() {
        assertThat(read("{\"id\":7,\"max_tokens\":1.5,\"prompt\":\"a"))
                .hasSize(3)
                .startsWith(
                        "field id must be text, not a number: write \"id\":\"7\"",
                        "field max_tokens must be a whole number, not 1.5");
        assertThat(draft("{\"id\":7,").record()).isNull();
        assertThat(read("[]")).containsExactly("a request is a JSON object, not an array");
    }

    @Test
    void anEnvelopeIsOneFault() {
        assertThat(read("{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/\",\"body\":{}}"))
                .singleElement()
                .asString()
                .startsWith("the record is a line of OpenAI's batch format");
    }

    /** What a job answers with and what is told first is the same. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{}",
                "nonsense",
                "{\"id\":\"\",\"prompt\":\"a\"}",
                "{\"id\":null,\"n\":0.5}",
                "{\"id\":\"1\",\"prompt\":\"a\"} {}",
                "{\"id\":\"1\",\"max_completion_tokens\":5,\"tools\":[]}",
                "{\"id\":\"1\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}",
                "{\"id\":\"1\",\"metadata\":{\"a\":1,\"b\":2}}",
                "{\"id\":\"1\",\"prompt\":\"\\ud800\",\"top_k\":1e9999}"
            })
    void theFirstFaultOfADraftIsTheOneThatReadingThrows(String json) {
        CodecException thrown =
                Assertions.catchThrowableOfType(
                        CodecException.class, () -> JSON.read(json.getBytes(UTF_8)));
        assertThat(draft(json).faults().get(0))
                .hasMessage(thrown.getMessage())
                .extracting("code", "id")
                .containsExactly(thrown.code(), thrown.id());
    }

    @Test
    void aRequestWithoutFaultsIsADraftWithoutFaults() throws Exception {
        byte[] json = "{\"id\":\"1\",\"prompt\":\"a\",\"stop\":\"x\"}".getBytes(UTF_8);
        Draft<InferenceRequest> draft = JSON.draft(json);
        assertThat(draft.faults()).isEmpty();
        assertThat(draft.unread()).isEmpty();
        assertThat(draft.record()).isEqualTo(JSON.read(json));
    }
}
