package io.millrace.operators.record;

import io.millrace.schemas.Constraint;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.apache.flink.api.common.functions.MapFunction;

/**
 * Turns requests that can be refused by looking at them into {@link Inbound.Rejected}. Cheap checks
 * only; what needs the tokenizer or the model is checked by the inference operator, and so is a
 * record that is still unread.
 */
public final class RequestValidator implements MapFunction<Inbound, Inbound> {
    private static final long serialVersionUID = 1L;

    private static final int MAX_STOP_STRINGS = 16;
    private static final int MAX_COMPLETIONS = 64;
    private static final int MAX_LOGPROBS = 20;

    /** The last millisecond of the year 9999: later is a mistaken unit. */
    private static final long LAST_DEADLINE_MS = 253_402_300_799_999L;

    /** In 1973: earlier is a mistaken unit, or counted from now. As seconds it is in 5138. */
    private static final long FIRST_DEADLINE_MS = 100_000_000_000L;

    private final String model;
    private final boolean readAll;

    /**
     * @param model name of the model that this job runs
     */
    public RequestValidator(String model) {
        this(model, false);
    }

    /**
     * @param readAll whether unread records are read here, for those behind that must look into
     *     them
     */
    public RequestValidator(String model, boolean readAll) {
        this.model = model;
        this.readAll = readAll;
    }

    @Override
    public Inbound map(Inbound given) {
        Inbound inbound = readAll && given instanceof Inbound.Unread unread ? unread.read() : given;
        if (!(inbound instanceof Inbound.Request request)) {
            return inbound;
        }
        try {
            check(request.request());
            return inbound;
        } catch (Refusal refusal) {
            return new Inbound.Rejected(
                    request.origin(),
                    request.request().getId(),
                    refusal.code,
                    refusal.getMessage());
        }
    }

    private void check(InferenceRequest request) throws Refusal {
        if (request.getId() == null || request.getId().isEmpty()) {
            throw new Refusal(FailureCode.MISSING_ID, "id is missing or empty; give each one.");
        }
        if (request.getModel() != null && !request.getModel().equals(model)) {
            throw new Refusal(
                    FailureCode.UNKNOWN_MODEL,
                    "model is \""
                            + request.getModel()
                            + "\", but this job runs \""
                            + model
                            + "\"; name that one or none.");
        }
        checkPrompt(request);
        checkConstraint(request.getConstraint());
        checkSampling(request);
        checkDeadline(request.getDeadlineMs());
    }

    private static void checkDeadline(Long deadline) throws Refusal {
        if (deadline == null) {
            return;
        }
        if (deadline <= 0 || deadline > LAST_DEADLINE_MS) {
            throw invalid("deadline_ms", deadline, "milliseconds since 1970, up to the year 9999");
        }
        if (deadline < FIRST_DEADLINE_MS) {
            boolean seconds = deadline >= FIRST_DEADLINE_MS / 100;
            throw new Refusal(
                    FailureCode.INVALID_PARAMETER,
                    "deadline_ms is "
                            + deadline
                            + ", a moment in "
                            + Instant.ofEpochMilli(deadline).atOffset(ZoneOffset.UTC).getYear()
                            + ": it counts milliseconds since 1970, not "
                            + (seconds
                                    ? "seconds; write " + deadline * 1000 + "."
                                    : "from now; write the time now, in milliseconds, and "
                                            + deadline
                                            + " more."));
        }
    }

    private static void checkPrompt(InferenceRequest request) throws Refusal {
        boolean text = request.getPrompt() != null;
        boolean messages = request.getMessages() != null;
        boolean ids = request.getPromptTokenIds() != null;
        int forms = (text ? 1 : 0) + (messages ? 1 : 0) + (ids ? 1 : 0);
        if (forms == 0) {
            throw new Refusal(
                    FailureCode.EMPTY_PROMPT,
                    "There is no prompt; set one of prompt, messages and prompt_token_ids.");
        }
        if (forms > 1) {
            throw new Refusal(
                    FailureCode.AMBIGUOUS_PROMPT,
                    "More than one of prompt, messages and prompt_token_ids is set; set one.");
        }
        if (text && request.getPrompt().isEmpty()) {
            throw empty("prompt", "token");
        } else if (messages && request.getMessages().isEmpty()) {
            throw empty("messages", "message");
        } else if (ids && request.getPromptTokenIds().isEmpty()) {
            throw empty("prompt_token_ids", "token");
        }
        if (ids) {
            checkTokenIds("prompt_token_ids", request.getPromptTokenIds());
        }
    }

    private static Refusal empty(String field, String what) {
        return new Refusal(
                FailureCode.EMPTY_PROMPT, field + " is empty; give at least one " + what + ".");
    }

    private static void checkConstraint(Constraint constraint) throws Refusal {
        if (constraint != null) {
            String field =
                    constraint.getChoice() != null
                            ? ".choice"
                            : constraint.getRegex() != null
                                    ? ".regex"
                                    : constraint.getJsonSchema() != null ? ".json_schema" : "";
            throw new Refusal(
                    FailureCode.UNSUPPORTED,
                    "constraint"
                            + field
                            + " is set, but this release cannot constrain completions; leave it"
                            + " out and check the answer.");
        }
    }

    private static void checkSampling(InferenceRequest r) throws Refusal {
        range("max_tokens", r.getMaxTokens(), 1, Integer.MAX_VALUE, "at least 1");
        range("temperature", r.getTemperature(), 0, 100, "from 0 to 100");
        range("top_p", r.getTopP(), Double.MIN_VALUE, 1, "greater than 0 and at most 1");
        range("top_k", r.getTopK(), 0, Integer.MAX_VALUE, "0 (off) or more");
        range("min_p", r.getMinP(), 0, 1, "from 0 to 1");
        range(
                "repetition_penalty",
                r.getRepetitionPenalty(),
                Double.MIN_VALUE,
                Double.MAX_VALUE,
                "greater than 0");
        range("presence_penalty", r.getPresencePenalty(), -2, 2, "from -2 to 2");
        range("frequency_penalty", r.getFrequencyPenalty(), -2, 2, "from -2 to 2");
        range("n", r.getN(), 1, MAX_COMPLETIONS, "from 1 to " + MAX_COMPLETIONS);
        range("logprobs", r.getLogprobs(), 0, MAX_LOGPROBS, "from 0 to " + MAX_LOGPROBS);
        if (r.getStop() != null) {
            if (r.getStop().size() > MAX_STOP_STRINGS) {
                throw invalid(
                        "stop", r.getStop().size() + " strings", "at most " + MAX_STOP_STRINGS);
            }
            if (r.getStop().contains("")) {
                throw invalid("stop", "a list with an empty string", "strings that are not empty");
            }
        }
        if (r.getStopTokenIds() != null) {
            checkTokenIds("stop_token_ids", r.getStopTokenIds());
        }
    }

    private static void checkTokenIds(String field, List<Integer> ids) throws Refusal {
        for (int i = 0; i < ids.size(); i++) {
            if (ids.get(i) < 0) {
                throw invalid(field + "[" + i + "]", ids.get(i), "0 or more");
            }
        }
    }

    /** NaN is in no range. */
    private static void range(String field, Number value, double from, double to, String range)
            throws Refusal {
        if (value != null && !(value.doubleValue() >= from && value.doubleValue() <= to)) {
            throw invalid(field, value, range);
        }
    }

    private static Refusal invalid(String field, Object value, String range) {
        return new Refusal(
                FailureCode.INVALID_PARAMETER,
                field + " is " + value + "; it must be " + range + ".");
    }

    /** Why a request is refused; thrown and caught here only. */
    private static final class Refusal extends Exception {
        private static final long serialVersionUID = 1L;
        private final FailureCode code;

        Refusal(FailureCode code, String message) {
            super(message, null, false, false);
            this.code = code;
        }
    }
}
