package io.millrace.operators.request;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.operators.TestingRequests;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

class RequestFaultsTest {
    /** What a request has besides sampling parameters. */
    private static final List<String> OTHER_FIELDS =
            List.of(
                    "id",
                    "prompt",
                    "messages",
                    "chat_template_kwargs",
                    "tools",
                    "tool_choice",
                    "parallel_tool_calls",
                    "prompt_token_ids",
                    "model",
                    "priority",
                    "deadline_ms",
                    "routing_key",
                    "metadata");

    @Test
    void allThatIsWrongWithARequestIsTold() {
        InferenceRequest request =
                InferenceRequest.newBuilder()
                        .setId("")
                        .setModel("gpt")
                        .setMaxTokens(0)
                        .setTemperature(-1.0)
                        .setStop(List.of(""))
                        .setConstraint(new Constraint(null, "a+", "{}"))
                        .setDeadlineMs(17L)
                        .build();
        assertThat(RequestFaults.of(request, "triage"))
                .extracting(RequestFaults.Fault::fields)
                .containsExactly(
                        List.of("id"),
                        List.of("model"),
                        List.of("prompt", "messages", "prompt_token_ids"),
                        List.of("constraint"),
                        List.of("max_tokens"),
                        List.of("temperature"),
                        List.of("stop"),
                        List.of("deadline_ms"));
        assertThat(RequestFaults.of(request, null))
                .extracting(RequestFaults.Fault::code)
                .doesNotContain(FailureCode.UNKNOWN_MODEL);
    }

    @Test
    void valuesForTheChatTemplateAreAnObjectAndOfAConversation() {
        assertThat(argumentFaults("{\"enable_thinking\": false, \"n\": [1, null]}")).isEmpty();
        assertThat(argumentFaults("[1]")).singleElement().asString().contains("not a JSON object");
        assertThat(argumentFaults("{\"a\": 1, \"a\": 2}"))
                .singleElement()
                .asString()
                .contains("Duplicate field 'a'");
        assertThat(argumentFaults("{} {}"))
                .singleElement()
                .asString()
                .contains("not a JSON object");
        assertThat(argumentFaults("null")).singleElement().asString().contains("is null");
        assertThat(argumentFaults("{\"tools\": []}"))
                .singleElement()
                .asString()
                .contains("has tools, which is not for it to say");
        InferenceRequest prompt =
                InferenceRequest.newBuilder()
                        .setId("r")
                        .setPrompt("hello")
                        .setChatTemplateKwargs("{}")
                        .build();
        assertThat(RequestFaults.of(prompt, null))
                .extracting(RequestFaults.Fault::message)
                .singleElement()
                .asString()
                .contains("is set without messages");
    }

    private static List<String> argumentFaults(String arguments) {
        InferenceRequest request =
                InferenceRequest.newBuilder()
                        .setId("r")
                        .setMessages(
                                List.of(new ChatMessage("user", "hello", null, null, null, null)))
                        .setChatTemplateKwargs(arguments)
                        .build();
        return RequestFaults.of(request, null).stream().map(RequestFaults.Fault::message).toList();
    }

    @Test
    void valuesForTheChatTemplateReachIt() {
        InferenceRequest request =
                InferenceRequest.newBuilder()
                        .setId("r")
                        .setMessages(
                                List.of(new ChatMessage("user", "hello", null, null, null, null)))
                        .setChatTemplateKwargs("{\"enable_thinking\":false,\"budget\":17}")
                        .build();
        assertThat(RequestMapper.chat(request, TestingRequests.origin("r"), null).arguments())
                .isEqualTo(Map.of("enable_thinking", false, "budget", 17));
    }

    @Test
    void aRequestHasEverySamplingParameterByItsNameAndType() {
        Schema schema = InferenceRequest.getClassSchema();
        assertThat(schema.getFields().stream().map(Schema.Field::name))
                .containsExactlyInAnyOrderElementsOf(
                        Stream.concat(
                                        OTHER_FIELDS.stream(),
                                        Arrays.stream(Field.values()).map(Field::requestName))
                                .toList());
        var regex = new io.millrace.gpu.api.constraint.Constraint.Regex("a+");
        SamplingParameters all =
                SamplingParameters.builder()
                        .maxTokens(17)
                        .temperature(0.5)
                        .topP(0.25)
                        .topK(54)
                        .minP(0.125)
                        .repetitionPenalty(1.5)
                        .presencePenalty(-1)
                        .frequencyPenalty(2)
                        .seed(97L)
                        .stop(List.of("a", "b"))
                        .stopTokenIds(List.of(1, 17))
                        .ignoreEos(true)
                        .n(3)
                        .logprobs(5)
                        .minTokens(7)
                        .suppressTokens(List.of(9))
                        .logitBias(Map.of("5", 0.5))
                        .constraint(regex)
                        .build();
        SamplingParameters none = SamplingParameters.builder().build();
        InferenceRequest request = InferenceRequest.newBuilder().setId("1").build();
        for (Field field : Field.values()) {
            assertThat(field.get(all)).as(field.requestName()).isNotEqualTo(field.get(none));
            request.put(
                    field.requestName(),
                    field == Field.CONSTRAINT ? WireConstraint.write(regex) : field.get(all));
        }
        assertThat(RequestMapper.sampling(request, none)).isEqualTo(all);
        assertThat(RequestMapper.sampling(InferenceRequest.newBuilder().setId("1").build(), all))
                .isEqualTo(all);
    }
}
