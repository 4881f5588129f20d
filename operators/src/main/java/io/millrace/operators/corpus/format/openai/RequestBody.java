package io.millrace.operators.corpus.format.openai;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.NearestName;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The body of a request to an endpoint as a request of the topics' contract. A field is passed on,
 * or has no influence on the answer, or says what is so in any case; any other is refused by name.
 */
final class RequestBody {
    /** So that half a surrogate pair arrives as it is, and is refused where the request is read. */
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    private static final String MAX_TOKENS = "max_tokens";
    private static final String MAX_COMPLETION_TOKENS = "max_completion_tokens";

    /** In the contract by the same name, the same value, the same meaning. */
    private static final Set<String> SAME =
            Set.of(
                    "model",
                    "temperature",
                    "top_p",
                    "n",
                    "stop",
                    "seed",
                    "presence_penalty",
                    "frequency_penalty",
                    "logit_bias",
                    "response_format",
                    // Those that other servers have beside OpenAI's.
                    "top_k",
                    "min_p",
                    "repetition_penalty",
                    "min_tokens",
                    "stop_token_ids",
                    "ignore_eos",
                    "structured_outputs",
                    "chat_template_kwargs");

    /** Say who asks, or how the request is stored and paid. */
    private static final Set<String> WITHOUT_INFLUENCE =
            Set.of(
                    "user",
                    "metadata",
                    "store",
                    "service_tier",
                    "safety_identifier",
                    "prompt_cache_key",
                    "prompt_cache_retention",
                    "parallel_tool_calls");

    /** What is not there, with the values that do not ask for it; null never does. */
    private static final Map<String, Predicate<JsonNode>> ABSENT =
            Map.ofEntries(
                    Map.entry("stream", RequestBody::isFalse),
                    Map.entry("stream_options", never()),
                    Map.entry("tools", JsonNode::isEmpty),
                    Map.entry("tool_choice", RequestBody::isNoTool),
                    Map.entry("functions", JsonNode::isEmpty),
                    Map.entry("function_call", RequestBody::isNoTool),
                    Map.entry("audio", never()),
                    Map.entry("prediction", never()),
                    Map.entry("reasoning_effort", never()),
                    Map.entry("verbosity", never()),
                    Map.entry("web_search_options", never()));

    private static final Map<String, Predicate<JsonNode>> ABSENT_FROM_CHAT =
            Map.of(
                    "logprobs", RequestBody::isFalse,
                    "top_logprobs", value -> value.isInt() && value.intValue() == 0,
                    "modalities",
                            value -> value.size() == 1 && value.path(0).asText().equals("text"));

    private static final Map<String, Predicate<JsonNode>> ABSENT_FROM_COMPLETIONS =
            Map.of(
                    "logprobs",
                    never(),
                    "echo",
                    RequestBody::isFalse,
                    "suffix",
                    value -> value.isTextual() && value.textValue().isEmpty());

    private static final String BEST_OF = "best_of";

    private final Endpoint endpoint;
    private final ObjectNode body;
    private final ObjectNode request = JsonNodeFactory.instance.objectNode();

    private RequestBody(BatchLine line) {
        endpoint = line.endpoint();
        body = line.body();
    }

    /**
     * The request as JSON of the topics' contract, with an id that stands for none.
     *
     * @throws CodecException the body asks for what is not there
     */
    static byte[] request(BatchLine line) throws CodecException {
        RequestBody translation = new RequestBody(line);
        translation.translate();
        try {
            return JSON.writeValueAsBytes(translation.request);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("There is no writing to memory.", e);
        }
    }

    private void translate() throws CodecException {
        request.put("id", "row");
        for (Map.Entry<String, JsonNode> each : body.properties()) {
            take(each.getKey(), each.getValue());
        }
        if (!body.hasNonNull(endpoint.prompt)) {
            throw new CodecException(
                    FailureCode.EMPTY_PROMPT,
                    "body has no %s: give it what is to be answered".formatted(endpoint.prompt),
                    null);
        }
    }

    private void take(String name, JsonNode value) throws CodecException {
        if (name.equals(endpoint.prompt)) {
            takePrompt(value);
        } else if (SAME.contains(name)) {
            request.set(name, value);
        } else if (isMaxTokens(name)) {
            takeMaxTokens(name, value);
        } else if (endpoint == Endpoint.COMPLETIONS && name.equals(BEST_OF)) {
            takeBestOf(value);
        } else if (!WITHOUT_INFLUENCE.contains(name)) {
            requireAbsent(name, value);
        }
    }

    private boolean isMaxTokens(String name) {
        return name.equals(MAX_TOKENS)
                || endpoint == Endpoint.CHAT && name.equals(MAX_COMPLETION_TOKENS);
    }

    private void takeMaxTokens(String name, JsonNode value) throws CodecException {
        if (value.isNull()) {
            return;
        }
        if (!value.canConvertToInt() || !value.isIntegralNumber() || value.intValue() < 1) {
            throw BatchLine.invalid(
                    "%s is %s: it must be a whole number from 1 on"
                            .formatted(name, BatchLine.said(value)));
        }
        JsonNode before = request.get(MAX_TOKENS);
        if (before != null && before.intValue() != value.intValue()) {
            throw BatchLine.invalid(
                    "%s and %s say %s and %s: give one of them"
                            .formatted(MAX_TOKENS, MAX_COMPLETION_TOKENS, before, value));
        }
        request.set(MAX_TOKENS, value);
    }

    /** The best of several is drawn from more than are asked for; of as many it is all of them. */
    private void takeBestOf(JsonNode value) throws CodecException {
        int n = body.path("n").asInt(1);
        if (!value.isNull() && !(value.isInt() && value.intValue() == n)) {
            throw unsupported(BEST_OF, value);
        }
    }

    private void takePrompt(JsonNode value) throws CodecException {
        if (endpoint == Endpoint.CHAT || !(value instanceof ArrayNode prompts)) {
            request.set(endpoint.prompt, value);
        } else if (isTokens(prompts)) {
            request.set("prompt_token_ids", prompts);
        } else if (prompts.size() == 1 && prompts.get(0).isTextual()) {
            request.set(endpoint.prompt, prompts.get(0));
        } else if (prompts.size() == 1 && isTokens(prompts.get(0))) {
            request.set("prompt_token_ids", prompts.get(0));
        } else {
            throw new CodecException(
                    FailureCode.UNSUPPORTED,
                    "prompt has %d prompts: write a line for each".formatted(prompts.size()),
                    null);
        }
    }

    private static boolean isTokens(JsonNode value) {
        return value.isArray() && value.size() > 0 && value.get(0).isNumber();
    }

    private void requireAbsent(String name, JsonNode value) throws CodecException {
        Predicate<JsonNode> off = absent().get(name);
        if (off == null) {
            off = ABSENT.get(name);
        }
        if (off == null) {
            String near = NearestName.of(name, known());
            throw new CodecException(
                    FailureCode.UNKNOWN_FIELD,
                    "unknown field %s%s"
                            .formatted(
                                    name,
                                    near == null
                                            ? ": leave it out"
                                            : ": did you mean " + near + "?"),
                    null);
        }
        if (!value.isNull() && !off.test(value)) {
            throw unsupported(name, value);
        }
    }

    private Map<String, Predicate<JsonNode>> absent() {
        return endpoint == Endpoint.CHAT ? ABSENT_FROM_CHAT : ABSENT_FROM_COMPLETIONS;
    }

    private List<String> known() {
        List<String> known = new ArrayList<>(SAME);
        known.add(endpoint.prompt);
        known.add(MAX_TOKENS);
        known.addAll(WITHOUT_INFLUENCE);
        known.addAll(absent().keySet());
        known.addAll(ABSENT.keySet());
        return known.stream().sorted().toList();
    }

    private static CodecException unsupported(String name, JsonNode value) {
        return new CodecException(
                FailureCode.UNSUPPORTED,
                "%s is %s, which this release does not have: leave it out"
                        .formatted(name, BatchLine.said(value)),
                null);
    }

    private static Predicate<JsonNode> never() {
        return value -> false;
    }

    private static boolean isFalse(JsonNode value) {
        return value.isBoolean() && !value.booleanValue();
    }

    private static boolean isNoTool(JsonNode value) {
        return value.isTextual() && Set.of("none", "auto").contains(value.textValue());
    }
}
