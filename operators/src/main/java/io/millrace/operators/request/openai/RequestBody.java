package io.millrace.operators.request.openai;

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
import io.millrace.schemas.text.Text;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The body of a request to OpenAI's API as a request of the topics' contract. A field is passed on,
 * or has no influence on the answer, or asks for nothing; any other is refused by name.
 *
 * <p>Source: OpenAI's API reference, Chat Completions and Completions.
 */
public final class RequestBody {
    /** So that half a surrogate pair arrives as it is, and is refused where the request is read. */
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    private static final String MAX_TOKENS = "max_tokens";
    private static final String MAX_COMPLETION_TOKENS = "max_completion_tokens";
    private static final String BEST_OF = "best_of";
    private static final String TOOLS = "tools";

    private static final Set<String> PROMPTS =
            Set.of(Endpoint.CHAT.prompt, Endpoint.COMPLETIONS.prompt);

    /** Of other words than the contract's. */
    private static final Set<String> NUMBERS = Set.of(MAX_TOKENS, MAX_COMPLETION_TOKENS, BEST_OF);

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
                    TOOLS,
                    "tool_choice",
                    "parallel_tool_calls",
                    // Those that other servers have beside OpenAI's.
                    "top_k",
                    "min_p",
                    "repetition_penalty",
                    "min_tokens",
                    "stop_token_ids",
                    "ignore_eos",
                    "structured_outputs",
                    "chat_template_kwargs");

    /** Say who asks, or how the request is stored, sent and paid. */
    private static final Set<String> WITHOUT_INFLUENCE =
            Set.of(
                    "user",
                    "metadata",
                    "store",
                    "service_tier",
                    "safety_identifier",
                    "prompt_cache_key",
                    "prompt_cache_retention",
                    "stream_options");

    /** What is not there, with the values that do not ask for it; null never does. */
    private static final Map<String, Predicate<JsonNode>> ABSENT =
            Map.ofEntries(
                    Map.entry("stream", RequestBody::isFalse),
                    Map.entry("logprobs", RequestBody::isFalse),
                    Map.entry("top_logprobs", value -> value.isInt() && value.intValue() == 0),
                    Map.entry(
                            "modalities",
                            value -> value.size() == 1 && value.path(0).asText().equals("text")),
                    Map.entry("functions", RequestBody::isEmptyList),
                    Map.entry("function_call", RequestBody::isNoTool),
                    Map.entry("echo", RequestBody::isFalse),
                    Map.entry("suffix", value -> value.isTextual() && value.textValue().isEmpty()),
                    Map.entry("audio", never()),
                    Map.entry("prediction", never()),
                    Map.entry("reasoning_effort", never()),
                    Map.entry("verbosity", never()),
                    Map.entry("web_search_options", never()));

    private final Endpoint endpoint;
    private final ObjectNode body;
    private final ObjectNode request = JsonNodeFactory.instance.objectNode();

    private RequestBody(ObjectNode body, Endpoint endpoint) {
        this.endpoint = endpoint;
        this.body = body;
    }

    /**
     * The request as JSON of the topics' contract.
     *
     * @param id the request's
     * @throws CodecException the body asks for what is not there
     */
    public static byte[] request(ObjectNode body, Endpoint endpoint, String id)
            throws CodecException {
        RequestBody translation = new RequestBody(body, endpoint);
        translation.request.put("id", id);
        translation.translate();
        try {
            return JSON.writeValueAsBytes(translation.request);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("There is no writing to memory.", e);
        }
    }

    private void translate() throws CodecException {
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
        if (!isKnown(name) && !(value.isNull() && endpoint.isPromptOfAnother(name))) {
            throw unknown(name);
        }
        if (value.isNull() || WITHOUT_INFLUENCE.contains(name)) {
            return;
        }
        if (name.equals(endpoint.prompt)) {
            takePrompt(value);
        } else if (SAME.contains(name)) {
            if (!name.equals(TOOLS) || !isEmptyList(value)) {
                request.set(name, value);
            }
        } else if (NUMBERS.contains(name)) {
            takeNumber(name, value);
        } else if (!ABSENT.get(name).test(value)) {
            throw unsupported(name, value);
        }
    }

    private void takeNumber(String name, JsonNode value) throws CodecException {
        if (name.equals(BEST_OF)) {
            takeBestOf(value);
        } else {
            takeMaxTokens(name, value);
        }
    }

    private void takeMaxTokens(String name, JsonNode value) throws CodecException {
        if (!value.canConvertToInt() || !value.isIntegralNumber() || value.intValue() < 1) {
            throw invalid(
                    "%s is %s: it must be a whole number from 1 on".formatted(name, said(value)));
        }
        JsonNode before = request.get(MAX_TOKENS);
        if (before != null && before.intValue() != value.intValue()) {
            throw invalid(
                    "%s and %s say %s and %s: give one of them"
                            .formatted(MAX_TOKENS, MAX_COMPLETION_TOKENS, before, value));
        }
        request.set(MAX_TOKENS, value);
    }

    /** The best of several is drawn from more than are asked for; of as many it is all of them. */
    private void takeBestOf(JsonNode value) throws CodecException {
        if (!value.isInt() || value.intValue() != body.path("n").asInt(1)) {
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
                    "prompt has %d prompts: give each a request of its own"
                            .formatted(prompts.size()),
                    null);
        }
    }

    private static boolean isTokens(JsonNode value) {
        return value.isArray() && value.size() > 0 && value.get(0).isNumber();
    }

    private boolean isKnown(String name) {
        return name.equals(endpoint.prompt)
                || SAME.contains(name)
                || WITHOUT_INFLUENCE.contains(name)
                || NUMBERS.contains(name)
                || ABSENT.containsKey(name);
    }

    private static CodecException unknown(String name) {
        String near =
                NearestName.of(
                        name,
                        Stream.of(PROMPTS, SAME, WITHOUT_INFLUENCE, NUMBERS, ABSENT.keySet())
                                .flatMap(Set::stream)
                                .sorted()
                                .toList());
        return new CodecException(
                FailureCode.UNKNOWN_FIELD,
                "unknown field %s%s"
                        .formatted(
                                name,
                                near == null || near.equals(name)
                                        ? ": leave it out"
                                        : ": did you mean " + near + "?"),
                null);
    }

    private static CodecException unsupported(String name, JsonNode value) {
        return new CodecException(
                FailureCode.UNSUPPORTED,
                "%s is %s, which this release does not have: leave it out"
                        .formatted(name, said(value)),
                null);
    }

    private static CodecException invalid(String message) {
        return new CodecException(FailureCode.INVALID_PARAMETER, message, null);
    }

    /** A value in a message. */
    private static String said(JsonNode value) {
        return Text.brief(value.toString(), 60);
    }

    private static Predicate<JsonNode> never() {
        return value -> false;
    }

    private static boolean isFalse(JsonNode value) {
        return value.isBoolean() && !value.booleanValue();
    }

    private static boolean isEmptyList(JsonNode value) {
        return value.isArray() && value.isEmpty();
    }

    private static boolean isNoTool(JsonNode value) {
        return value.isTextual() && Set.of("none", "auto").contains(value.textValue());
    }
}
