package io.millrace.operators.corpus.format.openai;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.Usage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Lines as OpenAI's documentation shows them. */
class BatchFormTest {
    private static final String LINE =
            "{\"custom_id\":\"request-1\",\"method\":\"POST\",\"url\":\"%s\",\"body\":{\"model\":\"m\",\"temperature\":9}}";
    private static final String CHAT = "/v1/chat/completions";

    @Test
    void anAnswerToAChatHasTheFieldsOfAnOutputFile() {
        assertThat(written(CHAT, "a \"b\"\n", "c"))
                .isEqualTo(
                        "{\"id\":\"batch_req_17\",\"custom_id\":\"request-1\",\"response\":{\"status_code\":200,"
                                + "\"request_id\":\"req_17\",\"body\":{\"id\":\"chatcmpl-17\",\"object\":\"chat.completion\","
                                + "\"created\":1700000000,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
                                + "{\"role\":\"assistant\",\"content\":\"a \\\"b\\\"\\n\",\"refusal\":null},\"logprobs\":null,"
                                + "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":\"assistant\","
                                + "\"content\":\"c\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                                + "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":4,\"total_tokens\":9},"
                                + "\"system_fingerprint\":\"5f1d\"}},\"error\":null}\n");
    }

    @Test
    void aCompletionHasTheFieldsOfAnOutputFile() {
        assertThat(written("/v1/completions", "a"))
                .isEqualTo(
                        "{\"id\":\"batch_req_17\",\"custom_id\":\"request-1\",\"response\":{\"status_code\":200,"
                                + "\"request_id\":\"req_17\",\"body\":{\"id\":\"cmpl-17\",\"object\":\"text_completion\","
                                + "\"created\":1700000000,\"model\":\"m\",\"choices\":[{\"text\":\"a\",\"index\":0,"
                                + "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,"
                                + "\"completion_tokens\":2,\"total_tokens\":7},\"system_fingerprint\":\"5f1d\"}},"
                                + "\"error\":null}\n");
    }

    @Test
    void aRefusedRequestHasTheResponseOfItsEndpoint() throws IOException {
        String row = LINE.formatted(CHAT);
        JsonNode error =
                failure(row, FailureCode.INVALID_PARAMETER, "temperature is 9; it must be less.");
        assertThat(error.get("custom_id").asText()).isEqualTo("request-1");
        assertThat(error.get("id").asText()).matches("batch_req_[0-9a-f]{32}");
        assertThat(error.get("error").isNull()).isTrue();
        assertThat(error.at("/response/status_code").asInt()).isEqualTo(400);
        assertThat(error.at("/response/body").toString())
                .isEqualTo(
                        "{\"error\":{\"message\":\"temperature is 9; it must be less.\",\"type\":\"invalid_request_error\",\"param\":\"temperature\",\"code\":\"invalid_parameter\"}}");
        error = failure(row, FailureCode.UNKNOWN_MODEL, "model is \"m\".");
        assertThat(error.at("/response/status_code").asInt()).isEqualTo(404);
        assertThat(error.at("/response/body/error/code").asText()).isEqualTo("model_not_found");
        assertThat(error.at("/response/body/error/param").asText()).isEqualTo("model");
        error = failure(row, FailureCode.PROMPT_TOO_LONG, "The prompt has 9 tokens.");
        assertThat(error.at("/response/body/error/code").asText())
                .isEqualTo("context_length_exceeded");
        assertThat(error.at("/response/body/error/param").isNull()).isTrue();
        error = failure(row, FailureCode.GENERATION_FAILED, "The engine failed.");
        assertThat(error.at("/response/status_code").asInt()).isEqualTo(500);
        assertThat(error.at("/response/body/error/type").asText()).isEqualTo("server_error");
    }

    @Test
    void whatIsNoRequestHasAnErrorWithoutAResponse() throws IOException {
        JsonNode error = failure("hello", FailureCode.UNREADABLE, "not valid JSON");
        assertThat(error.get("custom_id").isNull()).isTrue();
        assertThat(error.get("response").isNull()).isTrue();
        assertThat(error.get("error").toString())
                .isEqualTo("{\"code\":\"invalid_json_line\",\"message\":\"not valid JSON\"}");
        assertThat(
                        failure("{\"custom_id\":7}", FailureCode.MISSING_ID, "m")
                                .get("custom_id")
                                .isNull())
                .isTrue();
    }

    @Test
    void callsAndReasoningAreFieldsOfTheMessage() throws IOException {
        Completion call =
                new Completion(
                        0,
                        "",
                        List.of(1, 2),
                        "tool_calls",
                        null,
                        List.of(
                                new ToolCall(
                                        "call_1", "function", new FunctionCall("f", "{\"a\": 1}"))),
                        null,
                        "why");
        JsonNode choice =
                new JsonMapper()
                        .readTree(written("/v1/chat/completions", List.of(call)))
                        .at("/response/body/choices/0");
        assertThat(choice.get("message").toString())
                .isEqualTo(
                        "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"why\","
                                + "\"refusal\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":"
                                + "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                                + "\"{\\\"a\\\": 1}\"}}]}");
        assertThat(choice.get("finish_reason").asText()).isEqualTo("tool_calls");
    }

    private static String written(String url, String... texts) {
        List<Completion> completions =
                java.util.Arrays.stream(texts)
                        .map(
                                text ->
                                        new Completion(
                                                0,
                                                text,
                                                List.of(1, 2),
                                                "stop",
                                                null,
                                                null,
                                                null,
                                                null))
                        .toList();
        return written(url, completions);
    }

    private static String written(String url, List<Completion> completions) {
        InferenceResult result =
                new InferenceResult(
                        "17", "m", "5f1d", completions, new Usage(5, 2 * completions.size()), null);
        byte[] row = LINE.formatted(url).getBytes(UTF_8);
        String staged = AnsweredRequest.json(result);
        return new String(new BatchForm(1_700_000_000).write(row, List.of(staged)), UTF_8);
    }

    private static JsonNode failure(String row, FailureCode code, String message)
            throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
            BatchErrors.writeRow(json, "a", 3, row.getBytes(UTF_8), code.wireName(), message);
        }
        return new JsonMapper().readTree(out.toByteArray());
    }
}
