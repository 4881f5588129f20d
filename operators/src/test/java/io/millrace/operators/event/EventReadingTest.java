package io.millrace.operators.event;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.record.CodecException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventReadingTest {
    private static final String EVENT =
            "{\"id\":17,\"text\":\"Dear shop\",\"limits\":{\"tokens\":9,\"none\":null},\"price\":1.10,"
                    + "\"lines\":[{\"sku\":\"a\"},{\"sku\":\"b\"}]}";

    private static EventForm.Builder form() {
        return TestingEvents.form(54);
    }

    private static EventRecord record(String value) {
        Map<String, byte[]> headers = new HashMap<>();
        headers.put("tenant", "acme".getBytes(UTF_8));
        headers.put("binary", new byte[] {(byte) 0xFF});
        headers.put("nothing", null);
        return new EventRecord(
                "shop",
                2,
                97,
                1_764_460_800_000L,
                "k-1".getBytes(UTF_8),
                headers,
                value.getBytes(UTF_8));
    }

    private static InferenceRequest read(EventForm form, String value) throws CodecException {
        return new EventReading(form).read(record(value));
    }

    private static CodecException refused(EventForm form, String value) {
        return catchThrowableOfType(CodecException.class, () -> read(form, value));
    }

    private static EventForm template(String text) {
        return form().setPromptField(null).setPromptTemplate(text).build();
    }

    @Test
    void aFieldIsThePromptAndThePlaceTheId() throws Exception {
        InferenceRequest request = read(form().build(), EVENT);
        assertThat(request.getPrompt()).isEqualTo("Dear shop");
        assertThat(request.getId()).isEqualTo("shop/2/97");
        assertThat(request.getMaxTokens()).isEqualTo(54);
        assertThat(request.getMessages()).isNull();
    }

    @Test
    void aFieldMayBeAUsersMessage() throws Exception {
        InferenceRequest request = read(form().setChat(true).setSystem("Be brief.").build(), EVENT);
        assertThat(request.getPrompt()).isNull();
        assertThat(request.getMessages())
                .containsExactly(
                        new ChatMessage("system", "Be brief.", null, null, null, null),
                        new ChatMessage("user", "Dear shop", null, null, null, null));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPromptOfNoCharactersIsRefused(boolean chat) {
        CodecException field = refused(form().setChat(chat).build(), "{\"text\":\"\"}");
        assertThat(field).hasMessageContaining("field text").hasMessageContaining("is empty");
        assertThat(field.code()).isEqualTo(FailureCode.EMPTY_PROMPT);
        EventForm form =
                form().setPromptField(null)
                        .setPromptTemplate("{% if event.txt %}x{% endif %}")
                        .setChat(chat)
                        .build();
        CodecException template = refused(form, EVENT);
        assertThat(template).hasMessageContaining("--prompt-template renders no text");
        assertThat(template.code()).isEqualTo(FailureCode.EMPTY_PROMPT);
        assertThat(template.id()).isEqualTo("shop/2/97");
    }

    @Test
    void aTemplateSeesTheEventAndWhatIsBesideIt() throws Exception {
        assertThat(
                        read(
                                        template(
                                                "{{ event.text }}|{{ event.price }}|{{ record.key }}|"
                                                        + "{{ record.headers.tenant }}|{{ record.topic }}|"
                                                        + "{{ record.partition }}|{{ record.offset }}|"
                                                        + "{{ record.timestamp }}|{{ strftime_now('%Y-%m-%d') }}|"
                                                        + "{% for l in event.lines %}{{ l.sku }}{% endfor %}|"
                                                        + "{{ event | tojson }}"),
                                        EVENT)
                                .getPrompt())
                .isEqualTo(
                        "Dear shop|1.1|k-1|acme|shop|2|97|1764460800000|2025-11-30|ab|"
                                + "{\"id\": 17, \"text\": \"Dear shop\", \"limits\": {\"tokens\": 9,"
                                + " \"none\": null}, \"price\": 1.1, \"lines\": [{\"sku\": \"a\"},"
                                + " {\"sku\": \"b\"}]}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{{ event.txt }}             | no attribute 'txt'",
                "{{ text }}                  | 'text' is undefined",
                "{{ record.headers.binary }} | no attribute 'binary'",
                "{{ record.headers.nothing }} | no attribute 'nothing'",
                "{{ 1 / 0 }}                 | line 1 of the template",
                "{{ raise_exception('not for us') }} | not for us"
            })
    void whatCannotBeRenderedIsNamedAndHasItsId(String text, String message) {
        CodecException e = refused(template(text), EVENT);
        assertThat(e).hasMessageContaining(message);
        assertThat(e.code()).isEqualTo(FailureCode.TEMPLATE_FAILED);
        assertThat(e.id()).isEqualTo("shop/2/97");
    }

    @Test
    void aTemplateMayWriteTheConversation() throws Exception {
        EventForm form =
                form().setPromptField(null)
                        .setChatTemplate(
                                "[{\"role\":\"system\",\"content\":\"Sort.\"},"
                                        + "{\"role\":\"user\",\"content\":{{ event.text | tojson }}}]")
                        .build();
        assertThat(read(form, "{\"text\":\"a \\\"b\\\"\\n\"}").getMessages())
                .containsExactly(
                        new ChatMessage("system", "Sort.", null, null, null, null),
                        new ChatMessage("user", "a \"b\"\n", null, null, null, null));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "hello                                     | not valid JSON",
                "[{\"role\":\"user\"}]                     | field messages[0].content is missing",
                "null                                      | it is null",
                "[], \"max_tokens\": 7                     | there is more after the array",
                "[]} {                                     | there is more after the JSON object"
            })
    void aConversationThatIsNoneIsNamed(String text, String message) {
        EventForm form = form().setPromptField(null).setChatTemplate(text).build();
        CodecException e = refused(form, EVENT);
        assertThat(e)
                .hasMessageStartingWith("the text of --chat-template-file is no JSON array")
                .hasMessageContaining(message);
        assertThat(e.code()).isEqualTo(FailureCode.TEMPLATE_FAILED);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "key           | k-1",
                "header:tenant | acme",
                "field:id      | 17",
                "field:text    | Dear shop"
            })
    void idsComeFromWhereTheyAreSaidToBe(String from, String id) throws Exception {
        assertThat(read(form().setIdFrom(from).build(), EVENT).getId()).isEqualTo(id);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "header:none        | header none is missing",
                "header:binary      | header binary is not UTF-8",
                "field:no.where     | field no.where is missing",
                "field:price        | field price is the number 1.10",
                "field:limits       | field limits is an object",
                "field:limits.none  | field limits.none is missing"
            })
    void anIdThatIsNotThereIsNamed(String from, String message) {
        CodecException e = refused(form().setIdFrom(from).build(), EVENT);
        assertThat(e).hasMessageStartingWith(message + ", which --id-from names");
        assertThat(e.code()).isEqualTo(FailureCode.MISSING_ID);
        assertThat(e.id()).isNull();
    }

    @Test
    void parametersComeFromFieldsWhereTheEventHasThem() throws Exception {
        EventForm form =
                form().setParameterFields(
                                Map.of(
                                        "max_tokens", "limits.tokens",
                                        "temperature", "limits.heat",
                                        "seed", "limits.none",
                                        "response_format", "wanted"))
                        .build();
        InferenceRequest request = read(form, EVENT);
        assertThat(request.getMaxTokens()).isEqualTo(9);
        assertThat(request.getTemperature()).isNull();
        assertThat(request.getSeed()).isNull();
        assertThat(request.getId()).isEqualTo("shop/2/97");
        assertThat(request.getIgnoreEos()).isTrue();
        InferenceRequest other =
                read(
                        form,
                        "{\"text\":\"x\",\"wanted\":{\"type\":\"json_schema\",\"json_schema\":"
                                + "{\"schema\":{\"type\":\"object\"}}}}");
        assertThat(other.getMaxTokens()).isEqualTo(54);
        assertThat(other.getConstraint().getJsonSchema()).isEqualTo("{\"type\":\"object\"}");
        assertThat(new EventReading(form).answer(other, false).json()).isTrue();
    }

    private static EventForm openAi() {
        return form().setPromptField(null).setOpenaiBody(true).build();
    }

    @Test
    void aBodyOfOpenAiIsARequest() throws Exception {
        InferenceRequest request =
                read(
                        openAi(),
                        "{\"model\":\"triage\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                                + "\"text\":\"hi\"}]}],\"max_completion_tokens\":9,\"temperature\":0.5,"
                                + "\"stop\":\"END\",\"seed\":7,\"n\":2,\"user\":\"u\",\"stream\":false,"
                                + "\"logprobs\":null,\"tools\":[],\"response_format\":{\"type\":\"json_object\"}}");
        assertThat(request.getMessages())
                .containsExactly(new ChatMessage("user", "hi", null, null, null, null));
        assertThat(request.getModel()).isEqualTo("triage");
        assertThat(request.getMaxTokens()).isEqualTo(9);
        assertThat(request.getTemperature()).isEqualTo(0.5);
        assertThat(request.getStop()).containsExactly("END");
        assertThat(request.getSeed()).isEqualTo(7);
        assertThat(request.getN()).isEqualTo(2);
        assertThat(request.getConstraint().getJsonSchema()).isNotNull();
        assertThat(request.getId()).isEqualTo("shop/2/97");
        assertThat(read(openAi(), "{\"prompt\":\"hi\"}").getPrompt()).isEqualTo("hi");
        assertThat(read(openAi(), "{\"prompt\":\"hi\"}").getMaxTokens()).isEqualTo(54);
        assertThat(read(openAi(), "{\"prompt\":\"hi\",\"top_k\":17}").getTopK()).isEqualTo(17);
    }

    @Test
    void theFieldOfTheAnswerIsNotOneOfTheBody() throws Exception {
        EventForm form = openAi();
        form.setResultField("triage.label");
        assertThat(read(form, "{\"prompt\":\"hi\",\"triage\":{\"a\":1}}").getPrompt())
                .isEqualTo("hi");
        assertThat(refused(openAi(), "{\"prompt\":\"hi\",\"triage\":{}}").code())
                .isEqualTo(FailureCode.UNKNOWN_FIELD);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"prompt\":\"x\",\"stream\":true} | unsupported | stream is true, which this release does not have",
                "{\"prompt\":\"x\",\"functions\":[{}]}  | unsupported | functions is [{}], which",
                "{\"prompt\":\"x\",\"promt\":\"y\"} | unknown_field | unknown field promt: did you mean prompt?",
                "{\"prompt\":\"x\",\"max_tokens\":1,\"max_completion_tokens\":2} | invalid_parameter | say 1 and 2: give one of them",
                "{\"max_tokens\":1}    | empty_prompt | body has no prompt",
                "{\"prompt\":\"x\",\"n\":\"2\"}    | invalid_parameter | field n must be"
            })
    void whatABodyOfOpenAiAsksForInVainIsNamed(String body, String code, String message) {
        CodecException e = refused(openAi(), body);
        assertThat(e).hasMessageContaining(message);
        assertThat(e.code().wireName()).isEqualTo(code);
    }

    @Test
    void aParameterOfAnotherTypeIsNamedWithItsField() {
        EventForm form = form().setParameterFields(Map.of("max_tokens", "limits.tokens")).build();
        assertThat(refused(form, "{\"text\":\"x\",\"limits\":{\"tokens\":1e400}}"))
                .hasMessageContaining("field max_tokens")
                .hasMessageContaining("max_tokens=limits.tokens");
        CodecException e = refused(form, "{\"text\":\"x\",\"limits\":{\"tokens\":\"9\"}}");
        assertThat(e.code()).isEqualTo(FailureCode.INVALID_PARAMETER);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"text\":17}         | field text, which --prompt-field names, is the number 17",
                "{\"text\":null}       | field text, which --prompt-field names, is null",
                "{}                    | field text, which --prompt-field names, is missing",
                "{\"text\":\"\\ud800\"} | field text has half of a surrogate pair (\\ud800) at character 0",
                "{\"text\":\"x\",\"answer\":null} | the event has a field answer already",
                "{\"text\":\"x\",\"text\":\"y\"} | field text stands twice: keep one",
                "[]                    | an event is a JSON object, not an array"
            })
    void anEventThatCannotBeAskedIsNamed(String event, String message) {
        CodecException e = refused(form().build(), event);
        assertThat(e).hasMessageStartingWith(message);
        assertThat(e.id()).isEqualTo("shop/2/97");
    }

    @Test
    void anAnswerGoesWhereThereIsRoom() throws Exception {
        EventForm nested = form().setResultField("text.answer").build();
        assertThat(refused(nested, EVENT))
                .hasMessageStartingWith(
                        "field text is text, and --result-field text.answer puts the answer into an"
                                + " object there");
        EventForm inner = form().setResultField("limits.tokens").build();
        assertThat(refused(inner, EVENT))
                .hasMessageStartingWith("the event has a field limits.tokens already");
        inner.setOverwrite(true);
        read(inner, EVENT);
        assertThat(answered(inner, "{\"limits\":{\"tokens\":9 }}", false, "ten"))
                .isEqualTo("{\"limits\":{\"tokens\":\"ten\" }}");
    }

    private static String answered(EventForm form, String event, boolean json, String... answers)
            throws CodecException {
        return new String(
                new EventReading(form).answered(record(event), List.of(answers), json), UTF_8);
    }

    @Test
    void anAnswerIsTextOrTheJsonThatItIs() throws Exception {
        EventForm form = form().build();
        String event = "{\"n\":[1e400,12345678901234567890,1.10]}";
        assertThat(answered(form, event, false, "say \"hi\"\n"))
                .isEqualTo(
                        "{\"n\":[1e400,12345678901234567890,1.10],\"answer\":\"say \\\"hi\\\"\\n\"}");
        assertThat(answered(form, event, true, " {\"a\": 1.10}"))
                .isEqualTo("{\"n\":[1e400,12345678901234567890,1.10],\"answer\":{\"a\": 1.10}}");
        assertThat(answered(form, "{}", false, "a", "b")).isEqualTo("{\"answer\":[\"a\",\"b\"]}");
        assertThat(
                        catchThrowableOfType(
                                        CodecException.class,
                                        () -> answered(form, "{}", true, "{\"a\":"))
                                .code())
                .isEqualTo(FailureCode.GENERATION_FAILED);
        assertThatThrownBy(() -> answered(form, "{}", true, "1 2"))
                .isInstanceOf(CodecException.class);
        EventForm replacing = form().setResultField(null).build();
        assertThat(answered(replacing, event, true, "[1]")).isEqualTo("[1]");
        assertThat(answered(replacing, event, false, "x")).isEqualTo("\"x\"");
    }

    @Test
    void theJobsConstraintMakesAnswersJsonUnlessTheEventHasItsOwn() throws Exception {
        EventReading reading = new EventReading(form().build());
        InferenceRequest request = read(form().build(), EVENT);
        assertThat(reading.answer(request, true).json()).isTrue();
        assertThat(reading.answer(request, false).json()).isFalse();
        request.setConstraint(new io.millrace.schemas.Constraint(null, "a+", null));
        assertThat(reading.answer(request, true).json()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"a..b", "''", ".", "a."})
    void malformedPathsAreRefusedAtTheStart(String path) {
        assertThatThrownBy(() -> new EventReading(form().setResultField(path).build()).check())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is no path of a field");
        assertThatThrownBy(() -> new EventReading(form().setPromptField(path).build()).check())
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(
                        () -> new EventReading(form().setIdFrom("field:" + path).build()).check())
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new EventReading(form().setIdFrom("kye").build()).check())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("none of key, header:NAME and field:a.b");
    }

    @Test
    void anEventOfAMegabyteIsReadAndAnswered() throws Exception {
        String event = "{\"text\":\"" + "x".repeat(1 << 20) + "\"}";
        assertThat(read(form().build(), event).getPrompt()).hasSize(1 << 20);
        assertThat(answered(form().build(), event, false, "y"))
                .hasSize(event.length() + ",\"answer\":\"y\"".length())
                .endsWith("x\",\"answer\":\"y\"}");
    }
}
