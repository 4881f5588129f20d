package io.millrace.operators.event;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The body of a request to OpenAI's API ({@code /v1/chat/completions}, {@code /v1/completions}) in
 * the words of our requests. What would change the answer and is not there is refused by name; what
 * concerns accounts and storage is passed over.
 *
 * <p>Source: OpenAI's API reference, Chat Completions and Completions.
 */
final class OpenAiBody {
    private static final String MAX_TOKENS = "max_tokens";
    private static final String MAX_COMPLETION_TOKENS = "max_completion_tokens";

    /** Of accounts, storage, caching and transport. */
    private static final Set<String> PASSED_OVER =
            Set.of(
                    "user",
                    "metadata",
                    "store",
                    "service_tier",
                    "safety_identifier",
                    "prompt_cache_key",
                    "prompt_cache_retention",
                    "stream_options");

    /** Named alike in our requests. */
    private static final Set<String> ALIKE =
            Set.of(
                    "model",
                    "messages",
                    "prompt",
                    "temperature",
                    "top_p",
                    "stop",
                    "seed",
                    "n",
                    "presence_penalty",
                    "frequency_penalty",
                    "logit_bias",
                    "response_format");

    private OpenAiBody() {}

    /**
     * The fields of a request.
     *
     * @param result name of the top field that the answer is in, or goes into; null for none
     * @throws CodecException a field that is not supported
     */
    static Map<String, Object> request(Map<String, Object> body, String result)
            throws CodecException {
        Map<String, Object> request = new LinkedHashMap<>();
        for (Map.Entry<String, Object> field : body.entrySet()) {
            String name = field.getKey();
            Object value = field.getValue();
            if (name.equals(result) || PASSED_OVER.contains(name) || isDefault(name, value)) {
                continue;
            }
            if (name.equals(MAX_TOKENS) || name.equals(MAX_COMPLETION_TOKENS)) {
                if (request.put(MAX_TOKENS, value) != null) {
                    throw new CodecException(
                            FailureCode.INVALID_PARAMETER,
                            "fields max_tokens and max_completion_tokens are both there: keep one",
                            null);
                }
            } else if (ALIKE.contains(name)) {
                request.put(name, value);
            } else {
                throw new CodecException(
                        FailureCode.UNSUPPORTED,
                        "field %s of the body is not supported here: leave it out".formatted(name),
                        null);
            }
        }
        return request;
    }

    /** Whether a field asks for nothing: null, and what is off. */
    private static boolean isDefault(String name, Object value) {
        return value == null
                || switch (name) {
                    case "stream", "logprobs", "echo" -> Boolean.FALSE.equals(value);
                    case "top_logprobs" -> isNumber(value, 0);
                    case "best_of" -> isNumber(value, 1);
                    case "suffix" -> "".equals(value);
                    case "tools", "functions" -> List.of().equals(value);
                    case "tool_choice", "function_call" -> "none".equals(value);
                    case "parallel_tool_calls" -> value instanceof Boolean;
                    case "modalities" -> List.of("text").equals(value);
                    default -> false;
                };
    }

    private static boolean isNumber(Object value, int wanted) {
        return value instanceof Integer number && number == wanted;
    }
}
