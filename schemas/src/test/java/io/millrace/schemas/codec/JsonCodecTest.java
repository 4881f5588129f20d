package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonCodecTest {

    private final RecordCodec<InferenceRequest> requests =
            RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);
    private final RecordCodec<InferenceResult> results =
            RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
    private final RecordCodec<InferenceFailure> failures =
            RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);

    @Test
    void readsWhatAConsoleProducerTypes() throws Exception {
        assertThat(requests.decode("{\"id\":\"1\",\"prompt\":\"hi\"}".getBytes(UTF_8)))
                .isEqualTo(Samples.smallRequest());
    }

    /** JSON as text, or as it stands, whose text is kept. */
    @Test
    void valuesForTheChatTemplateMayBeAnObject() throws Exception {
        String values = "{ \"enable_thinking\": false, \"a\": [1.50, null] }";
        for (String form : List.of(values, "\"" + values.replace("\"", "\\\"") + "\"")) {
            String json = "{\"id\":\"1\",\"chat_template_kwargs\":" + form + "}";
            assertThat(requests.decode(json.getBytes(UTF_8)).getChatTemplateKwargs())
                    .isEqualTo(values);
        }
        assertThatThrownBy(
                        () ->
                                requests.decode(
                                        "{\"id\":\"1\",\"chat_template_kwargs\":[1]}"
                                                .getBytes(UTF_8)))
                .hasMessageContaining("field chat_template_kwargs must be text");
    }

    @Test
    void toolsAndTheirCallsMayBeArraysAndTheChoiceAnObject() throws Exception {
        String tools = "[{\"type\":\"function\", \"function\":{\"name\":\"f\"}}]";
        String calls = "[ {\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}} ]";
        String json =
                "{\"id\":\"1\",\"tools\":"
                        + tools
                        + ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
                        + "\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":"
                        + calls
                        + "},{\"role\":\"assistant\",\"tool_calls\":"
                        + calls
                        + "},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"name\":\"f\",\"content\":\"7\"}]}";
        InferenceRequest request = requests.decode(json.getBytes(UTF_8));
        assertThat(request.getTools()).isEqualTo(tools);
        assertThat(request.getToolChoice()).isEqualTo("f");
        ChatMessage call = new ChatMessage("assistant", "", calls, null, null, null);
        assertThat(request.getMessages())
                .containsExactly(call, call, new ChatMessage("tool", "7", null, "c", "f", null));
        assertThat(requests.decode(requests.encode(request))).isEqualTo(request);
    }

    @Test
    void readsWhatItWrote() throws Exception {
        assertThat(requests.decode(requests.encode(Samples.fullRequest())))
                .isEqualTo(Samples.fullRequest());
        assertThat(results.decode(results.encode(Samples.fullResult())))
                .isEqualTo(Samples.fullResult());
        assertThat(failures.decode(failures.encode(Samples.fullFailure())))
                .isEqualTo(Samples.fullFailure());
    }

    @Test
    void writesFieldsInTheOrderOfTheSchemaWithoutNulls() {
        assertThat(new String(requests.encode(Samples.smallRequest()), UTF_8))
                .isEqualTo("{\"id\":\"1\",\"prompt\":\"hi\"}");
        assertThat(new String(results.encode(Samples.fullResult()), UTF_8))
                .isEqualTo(
                        "{\"id\":\"order-17\",\"model\":\"triage\",\"model_fingerprint\":\"a1b2c3\","
                                + "\"completions\":[{\"index\":0,\"text\":\"ham: Hello\",\"token_ids\":"
                                + "[5,17,2],\"finish_reason\":\"stop\",\"logprobs\":[{\"token_id\":5,"
                                + "\"logprob\":-0.1,\"top\":[{\"token_id\":5,\"logprob\":-0.1},"
                                + "{\"token_id\":9,\"logprob\":-3.4028235E38}]},{\"token_id\":17,"
                                + "\"logprob\":0.0,\"top\":[]}],\"tool_calls\":[{\"id\":\"call_1\","
                                + "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                                + "\"{}\"}}],\"reasoning_content\":\"why\"},"
                                + "{\"index\":1,\"text\":\"\",\"token_ids\":"
                                + "[],\"finish_reason\":\"length\",\"tool_call_error\":\"cut\"}],\"usage\":{\"prompt_tokens\":97,"
                                + "\"completion_tokens\":3},\"metadata\":{\"a\":\"1\",\"b\":\"2\"}}");
    }

    @Test
    void writesEqualMapsAsEqualBytes() {
        Map<String, String> rising = new TreeMap<>();
        for (int i = 0; i < 97; i++) {
            rising.put("key-" + i * 7919, "v");
        }
        Map<String, String> falling = new TreeMap<>(Collections.reverseOrder());
        falling.putAll(rising);
        for (FormatSettings format : List.of(FormatSettings.JSON, FormatSettings.AVRO)) {
            RecordCodec<InferenceRequest> codec =
                    RecordCodec.open(RecordType.REQUEST, format, null);
            InferenceRequest one = Samples.smallRequest();
            one.setMetadata(falling);
            byte[] first = codec.encode(one);
            one.setMetadata(new HashMap<>(rising));
            assertThat(codec.encode(one)).isEqualTo(first);
        }
    }

    @Test
    void writesFloatsInTheSameDigitsOnEveryJdk() throws Exception {
        // Float.toString(1.1754944E-38f) has a digit more before JDK 19.
        InferenceResult result = Samples.fullResult();
        float[] values = {1.17549435E-38f, 2.0e-3f, 8.41E21f, 2.2E-45f, 1.0f / 3, 33554432f};
        String[] digits = {
            "1.1754944E-38", "0.002", "8.41E21", "2.8E-45", "0.33333334", "3.3554432E7"
        };
        for (int i = 0; i < values.length; i++) {
            result.getCompletions().get(0).getLogprobs().get(0).setLogprob(values[i]);
            byte[] json = results.encode(result);
            assertThat(new String(json, UTF_8)).contains("\"logprob\":" + digits[i] + ",");
            assertThat(results.decode(json)).isEqualTo(result);
        }
    }

    @Test
    void quotesFloatsThatAreNoNumbersAndReadsThem() throws Exception {
        for (float value :
                new float[] {Float.NaN, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY}) {
            InferenceResult result = Samples.fullResult();
            result.getCompletions().get(0).getLogprobs().get(0).setLogprob(value);
            assertThat(results.decode(results.encode(result))).isEqualTo(result);
        }
    }

    @Test
    void writesBytesAsTheTextThatTheyAre() throws Exception {
        StringBuilder ascii = new StringBuilder();
        for (int i = 0; i < 1023; i++) {
            ascii.append((char) (i * 37 % 128));
        }
        for (String text : List.of("", "a", ascii.toString(), ascii + "é", "é世😀" + ascii)) {
            ByteBuffer part = ByteBuffer.wrap((text + "beyond").getBytes(UTF_8));
            part.limit(part.limit() - "beyond".length());
            InferenceFailure failure = Samples.failure(new byte[0]);
            failure.setOriginal(part);
            failure.setMessage(text);
            String json = new String(failures.encode(failure), UTF_8);
            int from = json.indexOf("\"message\":") + "\"message\":".length();
            String written = json.substring(from, json.indexOf(",\"original\":", from));
            assertThat(json).contains(",\"original\":" + written + ",");
            assertThat(failures.decode(json.getBytes(UTF_8))).isEqualTo(failure);
        }
    }

    @Test
    void writesBytesThatAreNoTextInBase64() throws Exception {
        InferenceFailure failure = Samples.failure(new byte[] {(byte) 0xFF, 0, 17});
        assertThat(new String(failures.encode(failure), UTF_8))
                .contains("\"original_base64\":\"/wAR\"")
                .doesNotContain("\"original\":");
        assertThat(failures.decode(failures.encode(failure))).isEqualTo(failure);
    }

    @Test
    void writesTextThatHasNoUtf8Form() throws Exception {
        InferenceResult result = Samples.fullResult();
        Completion completion = result.getCompletions().get(0);
        completion.setText("a\uD800b\uDC00\uD83D\uDE00");
        InferenceResult read = results.decode(results.encode(result));
        assertThat(read.getCompletions().get(0).getText()).isEqualTo("a\uFFFDb\uFFFD\uD83D\uDE00");
    }

    @Test
    void passesOverFieldsOfANewerResult() throws Exception {
        String newer =
                new String(results.encode(Samples.fullResult()), UTF_8)
                        .replace("\"usage\":{", "\"later\":[{\"x\":1}],\"usage\":{\"more\":{},");
        assertThat(results.decode(newer.getBytes(UTF_8))).isEqualTo(Samples.fullResult());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    {"id":"1","promt":"hi"}                  | UNKNOWN_FIELD     | unknown field promt: did you mean prompt?
                    {"maxTokens":5,"id":"1"}                 | UNKNOWN_FIELD     | unknown field maxTokens: did you mean max_tokens?
                    {"id":"1","zzz":1}                       | UNKNOWN_FIELD     | unknown field zzz: remove it
                    {"id":"1","constraint":{"regx":"a"}}     | UNKNOWN_FIELD     | unknown field constraint.regx: did you mean constraint.regex?
                    {"id":"1","messages":[{"rol":"user"}]}   | UNKNOWN_FIELD     | unknown field messages[0].rol: did you mean messages[0].role?
                    {"id":"1","prompt":"a","prompt":"b"}     | UNREADABLE        | field prompt stands twice
                    {"id":"1","metadata":{"a":"","a":"b"}}   | UNREADABLE        | field metadata.a stands twice
                    {"id":"1","prompt":7}                    | INVALID_PARAMETER | field prompt must be text, not the number 7
                    {"id":"1","prompt":["a"]}                | INVALID_PARAMETER | field prompt must be text, not an array
                    {"id":"1","stop":17}                     | INVALID_PARAMETER | field stop must be text or an array of texts, not the number 17
                    {"id":"1","stop":{"a":1}}                | INVALID_PARAMETER | field stop must be text or an array of texts, not an object
                    {"id":"1","stop_token_ids":"END"}        | INVALID_PARAMETER | field stop_token_ids must be an array, not text
                    {"id":"1","prompt":"hi","max_tokens":007} | UNREADABLE       | not valid JSON in field max_tokens, at 007:
                    {"id":"1","prompt":"hi","seed":0x1F}     | UNREADABLE        | not valid JSON in field seed, at 0x1F:
                    {"id":"1","prompt":"hi","temperature":.5} | UNREADABLE       | not valid JSON in field temperature, at .5:
                    {"id":"1","prompt":"hi","stop":['a']}    | UNREADABLE        | not valid JSON in field stop[0], at 'a':
                    {"id":"1","prompt":"hi","stop":["a",b]}  | UNREADABLE        | not valid JSON in field stop[1], at b:
                    {"id":"1","max_tokens":16,}              | UNREADABLE        | not valid JSON in field max_tokens: Unexpected character ('}'
                    {"id":"1","prompt":"hi","ignore_eos":True} | UNREADABLE      | not valid JSON in field ignore_eos, at True:
                    {"id":"1","messages":[{"role":"user","content":tru}]} | UNREADABLE | not valid JSON in field messages[0].content, at tru:
                    {"id":"1","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]} | UNSUPPORTED | field messages[0].content[0].type is image_url: models here read text only
                    {"id":"1","messages":[{"role":"user","content":[{"text":"a"}]}]} | UNREADABLE | field messages[0].content[0].type is missing: write "type":"text"
                    {"id":"1","messages":[{"role":"user","content":[{"type":"text"}]}]} | UNREADABLE | field messages[0].content[0].text is missing
                    {"id":"1","messages":[{"role":"user","content":[{"type":"text","text":7}]}]} | INVALID_PARAMETER | field messages[0].content[0].text must be text, not the number 7
                    {"id":"1","messages":[{"role":"user","content":[{"type":"text","text":"a","x":1}]}]} | UNKNOWN_FIELD | unknown field messages[0].content[0].x
                    {"id":"1","messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}]} | UNREADABLE | field messages[0].content[0].text stands twice
                    {"id":"1","messages":[{"role":"user","content":["a"]}]} | INVALID_PARAMETER | field messages[0].content[0] must be an object, not text
                    {"id":"1","stop":["a",null]}             | INVALID_PARAMETER | field stop[1] must be text, not null
                    {"id":"1","metadata":{"a":1}}            | INVALID_PARAMETER | field metadata.a must be text, not the number 1
                    {"id":"1","ignore_eos":"yes"}            | INVALID_PARAMETER | field ignore_eos must be true or false, not text
                    {"id":"1","temperature":"hot"}           | INVALID_PARAMETER | field temperature must be a number, not text
                    {"id":"1","messages":[{"role":"user"}]}  | UNREADABLE        | field messages[0].content is missing
                    {"id":"1","temperature":NaN}             | INVALID_PARAMETER | field temperature is NaN, which is not a finite number
                    {"id":"1","temperature":-Infinity}       | INVALID_PARAMETER | field temperature is -Infinity, which is not
                    {"id":"1","temperature":1e999}           | INVALID_PARAMETER | field temperature is 1e999, which is not a finite number
                    {"id":"1","max_tokens":2147483648}       | INVALID_PARAMETER | field max_tokens is 2147483648, outside
                    {"id":"1","max_tokens":1.5}              | INVALID_PARAMETER | field max_tokens must be a whole number, not 1.5
                    {"id":"1","seed":9223372036854775808}    | INVALID_PARAMETER | field seed is 9223372036854775808, outside
                    {"id":"1","prompt_token_ids":[1,-3e9]}   | INVALID_PARAMETER | field prompt_token_ids[1] is -3e9, outside -2147483648 to 2147483647
                    {"id":"1","max_tokens":1e308}            | INVALID_PARAMETER | field max_tokens is 1e308, outside
                    {"id":"1","max_tokens":1e400}            | INVALID_PARAMETER | field max_tokens is 1e400, which is not a finite number
                    {"id":"1","max_tokens":1e-9}             | INVALID_PARAMETER | field max_tokens must be a whole number, not 1e-9
                    {"id":"1","max_tokens":NaN}              | INVALID_PARAMETER | field max_tokens is NaN, which is not a finite number
                    {"id":"1","max_tokens":true}             | INVALID_PARAMETER | field max_tokens must be a whole number, not true
                    {"id":"1","max_tokens":"16"}             | INVALID_PARAMETER | field max_tokens must be a whole number, not text: write 16 without quotes
                    {"id":"1","temperature":"0.5"}           | INVALID_PARAMETER | field temperature must be a number, not text: write 0.5 without quotes
                    {"id":"1","max_completion_tokens":16}    | UNKNOWN_FIELD     | unknown field max_completion_tokens: write max_tokens
                    {"id":"1","input":"hi"}                  | UNKNOWN_FIELD     | unknown field input: write prompt (text) or messages
                    {"id":"1","functions":[]}                | UNKNOWN_FIELD     | unknown field functions: this release does not have it
                    {"id":"1","tools":7}                     | INVALID_PARAMETER | field tools must be text, not the number 7
                    {"id":"1","tool_choice":{}}              | UNREADABLE        | field tool_choice.type is missing
                    {"id":"1","tool_choice":{"type":"function"}} | UNREADABLE    | field tool_choice.function is missing
                    {"id":"1","tool_choice":{"type":"allowed_tools"}} | UNSUPPORTED | field tool_choice.type is allowed_tools: this release has the choice of one function
                    {"id":"1","tool_choice":{"type":"function","function":{"name":"auto"}}} | UNSUPPORTED | field tool_choice.function.name is auto, which is a choice of another kind
                    {"id":"1","tool_choice":{"type":"function","function":{"nam":"f"}}} | UNKNOWN_FIELD | unknown field tool_choice.function.nam
                    {"id":"1","messages":[{"role":"assistant","content":null}]} | UNREADABLE | field messages[0].content is missing
                    {"id":"1","messages":[{"role":"assistant","content":null,"tool_calls":null}]} | UNREADABLE | field messages[0].content is missing
                    {"id":"1","metadata":{},"specversion":"1.0","source":"/a","type":"t","data":{}} | UNKNOWN_FIELD | the record is a CloudEvent in structured mode: send it in binary mode
                    {"id":"1","custom_id":"a","method":"POST","url":"/v1","body":{}} | UNKNOWN_FIELD | the record is a line of OpenAI's batch format
                    {"id":"1","schema":{"type":"struct"},"payload":{}} | UNKNOWN_FIELD | the record is Kafka Connect's envelope of schema and payload: set value.converter.schemas.enable=false
                    {"id":"1","before":null,"after":{},"source":{},"op":"c"} | UNKNOWN_FIELD | the record is a change event of Debezium: unwrap it
                    {"id":"1"} {"id":"2"}                    | UNREADABLE        | there is more after the JSON object
                    {"id":"1"}x                              | UNREADABLE        | not valid JSON
                    {"id":"1","prompt":"h                    | UNREADABLE        | not valid JSON in field prompt
                    {"id":"1","prompt":"\\ud800"}             | UNREADABLE        | field prompt has half of a surrogate pair (\\ud800) at character 0
                    {"id":"1","metadata":{"\\udc00":""}}      | UNREADABLE        | half of a surrogate pair
                    """)
    void refusesABadFieldByNameAndKeepsTheId(String json, FailureCode code, String message) {
        CodecException e = refusal(json);
        assertThat(e.code()).isEqualTo(code);
        assertThat(e).hasMessageContaining(message);
        assertThat(e.id()).isEqualTo("1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"prompt\":\"hi\"}",
                "{\"id\":\"\",\"prompt\":\"hi\"}",
                "{\"id\":null}"
            })
    void refusesARequestWithoutAnId(String json) {
        CodecException e = refusal(json);
        assertThat(e.code()).isEqualTo(FailureCode.MISSING_ID);
        assertThat(e).hasMessageContaining("give each request an id");
        assertThat(e.id()).isNull();
    }

    @Test
    void refusesANumberAsIdWithTheRemedy() {
        CodecException e = refusal("{\"prompt\":\"hi\",\"id\":17}");
        assertThat(e.code()).isEqualTo(FailureCode.INVALID_PARAMETER);
        assertThat(e).hasMessageContaining("write \"id\":\"17\"");
        assertThat(e.id()).isEqualTo("17");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "  \n", "hello", "[]", "\"id\"", "17", "null", "{", "{\"id\"", "\u0000"})
    void refusesWhatIsNoJsonObject(String text) {
        CodecException e = refusal(text);
        assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(e.id()).isNull();
    }

    @Test
    void namesTheByteThatIsNotUtf8() {
        byte[] bytes = "{\"id\":\"1\",\"prompt\":\"hi?\"}".getBytes(UTF_8);
        bytes[22] = (byte) 0xC3;
        CodecException e = catchThrowableOfType(CodecException.class, () -> requests.decode(bytes));
        assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(e).hasMessageContaining("byte 22 is not valid UTF-8");
    }

    @Test
    void readsNullAsAbsentAndAByteOrderMarkAndSpaceAsNothing() throws Exception {
        String json = "\uFEFF\n{\"id\":\"1\",\"prompt\":\"hi\",\"seed\":null,\"stop\":null}\r\n";
        assertThat(requests.decode(json.getBytes(UTF_8))).isEqualTo(Samples.smallRequest());
    }

    @Test
    void readsWholeNumbersThatAreWrittenWithAPoint() throws Exception {
        String json =
                """
                {"id":"1","prompt_token_ids":[5.0,17.00],"max_tokens":4.0,"top_k":1e2,"seed":-0.0,
                "n":10e-1,"deadline_ms":1764000000000.0}""";
        InferenceRequest read = requests.decode(json.getBytes(UTF_8));
        assertThat(read.getPromptTokenIds()).containsExactly(5, 17);
        assertThat(read.getMaxTokens()).isEqualTo(4);
        assertThat(read.getTopK()).isEqualTo(100);
        assertThat(read.getSeed()).isZero();
        assertThat(read.getN()).isEqualTo(1);
        assertThat(read.getDeadlineMs()).isEqualTo(1_764_000_000_000L);
        String exact = "{\"id\":\"1\",\"prompt\":\"\",\"seed\":9007199254740993.0}";
        assertThat(requests.decode(exact.getBytes(UTF_8)).getSeed())
                .isEqualTo(9_007_199_254_740_993L);
    }

    @Test
    void readsOneStopStringThatIsNoArray() throws Exception {
        InferenceRequest expected = Samples.smallRequest();
        expected.setStop(List.of("END"));
        String json = "{\"id\":\"1\",\"prompt\":\"hi\",\"stop\":\"END\"}";
        assertThat(requests.decode(json.getBytes(UTF_8))).isEqualTo(expected);
    }

    @Test
    void readsAContentOfTextPartsAsTheirLines() throws Exception {
        String json =
                """
                {"id":"1","messages":[
                  {"role":"system","content":"be brief"},
                  {"content":[{"type":"text","text":"a"},{"text":"","type":"text"},\
                {"type":"text","text":"b"}],"role":"user"},
                  {"role":"assistant","content":[]}]}""";
        InferenceRequest read = requests.decode(json.getBytes(UTF_8));
        assertThat(read.getMessages().stream().map(ChatMessage::getContent))
                .containsExactly("be brief", "a\n\nb", "");
        assertThat(requests.decode(requests.encode(read))).isEqualTo(read);
    }

    @Test
    void readsAPromptOfAMegabyte() throws Exception {
        InferenceRequest large = Samples.smallRequest();
        large.setPrompt("ä".repeat(1 << 20));
        assertThat(requests.decode(requests.encode(large))).isEqualTo(large);
    }

    @ParameterizedTest
    @ValueSource(ints = {17, 54, 97, 1023, 500_000})
    void refusesDeepNesting(int depth) {
        for (String json :
                List.of(
                        "{\"id\":\"1\",\"metadata\":" + "{\"a\":".repeat(depth),
                        "{\"id\":\"1\",\"stop\":" + "[".repeat(depth),
                        "{\"id\":\"1\",\"zzz\":" + "[".repeat(depth) + "]".repeat(depth) + "}",
                        "[".repeat(depth))) {
            assertThat(refusal(json).code())
                    .isIn(
                            FailureCode.UNREADABLE,
                            FailureCode.UNKNOWN_FIELD,
                            FailureCode.INVALID_PARAMETER);
        }
        String nested = "{\"later\":" + "[".repeat(depth) + "]".repeat(depth) + "}";
        assertThat(
                        catchThrowableOfType(
                                CodecException.class, () -> results.decode(nested.getBytes(UTF_8))))
                .isNotNull();
    }

    @Test
    void keepsMessagesShortWhateverTheInput() {
        String name = "x".repeat(40_000);
        assertThat(refusal("{\"id\":\"1\",\"" + name + "\":1}").getMessage()).hasSizeLessThan(500);
        assertThat(refusal("{\"id\":\"1\",\"seed\":" + "9".repeat(900) + "}").getMessage())
                .hasSizeLessThan(500);
        assertThat(refusal("{\"id\":\"1\",\"seed\":" + "y".repeat(40_000) + "}").getMessage())
                .hasSizeLessThan(500);
    }

    private CodecException refusal(String json) {
        CodecException e =
                catchThrowableOfType(
                        CodecException.class, () -> requests.decode(json.getBytes(UTF_8)));
        assertThat(e).as(json.length() < 200 ? json : "long input").isNotNull();
        return e;
    }
}
