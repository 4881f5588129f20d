package io.millrace.operators.request;

import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.operators.tool.MessageFields;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;

/**
 * The faults of a request that can be found without tokenizer and model, in a fixed order. A dead
 * letter names the first; commands that check requests report all.
 */
public final class RequestFaults {
    /** The last millisecond of the year 9999. A later deadline has the wrong unit. */
    private static final long LAST_DEADLINE_MS = 253_402_300_799_999L;

    /**
     * A time in 1973. An earlier deadline is in seconds or relative to now: as seconds, this number
     * is a time in the year 5138.
     */
    private static final long FIRST_DEADLINE_MS = 100_000_000_000L;

    /** The fields of which exactly one is the prompt. */
    private static final List<String> PROMPT = List.of("prompt", "messages", "prompt_token_ids");

    private final List<Fault> all = new ArrayList<>();

    /**
     * One fault.
     *
     * @param fields top-level fields, one of which has to be changed
     * @param message the fault, with the value and the remedy
     */
    public record Fault(FailureCode code, List<String> fields, String message) {}

    private RequestFaults() {}

    /**
     * The faults of a request.
     *
     * @param model name of the job's model; null accepts any name in the request
     * @return empty if the request can be submitted
     */
    public static List<Fault> of(InferenceRequest request, String model) {
        RequestFaults faults = new RequestFaults();
        faults.check(request, model);
        return faults.all;
    }

    private void check(InferenceRequest request, String model) {
        if (request.getId() == null || request.getId().isEmpty()) {
            add(FailureCode.MISSING_ID, "id", "id is missing or empty; give each one.");
        }
        if (model != null && request.getModel() != null && !request.getModel().equals(model)) {
            add(
                    FailureCode.UNKNOWN_MODEL,
                    "model",
                    "model is \""
                            + request.getModel()
                            + "\", but this job runs \""
                            + model
                            + "\"; name that one or none.");
        }
        checkPrompt(request);
        String arguments =
                TemplateArguments.fault(
                        request.getChatTemplateKwargs(), request.getMessages() != null);
        if (arguments != null) {
            add(FailureCode.INVALID_PARAMETER, TemplateArguments.FIELD, arguments);
        }
        checkTools(request);
        checkConstraint(request);
        checkSampling(request);
        checkDeadline(request.getDeadlineMs());
    }

    private void checkDeadline(Long deadline) {
        if (deadline == null) {
            return;
        }
        if (deadline <= 0 || deadline > LAST_DEADLINE_MS) {
            invalid(
                    "deadline_ms",
                    "deadline_ms",
                    deadline,
                    "milliseconds since 1970, up to the year 9999");
        } else if (deadline < FIRST_DEADLINE_MS) {
            boolean seconds = deadline >= FIRST_DEADLINE_MS / 100;
            add(
                    FailureCode.INVALID_PARAMETER,
                    "deadline_ms",
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

    private void checkPrompt(InferenceRequest request) {
        boolean text = request.getPrompt() != null;
        boolean messages = request.getMessages() != null;
        boolean ids = request.getPromptTokenIds() != null;
        int forms = (text ? 1 : 0) + (messages ? 1 : 0) + (ids ? 1 : 0);
        if (forms == 0) {
            add(
                    FailureCode.EMPTY_PROMPT,
                    "prompt",
                    "There is no prompt; set one of prompt, messages and prompt_token_ids.");
        } else if (forms > 1) {
            add(
                    FailureCode.AMBIGUOUS_PROMPT,
                    "prompt",
                    "More than one of prompt, messages and prompt_token_ids is set; set one.");
        } else if (text && request.getPrompt().isEmpty()) {
            empty("prompt", "token");
        } else if (messages && request.getMessages().isEmpty()) {
            empty("messages", "message");
        } else if (ids && request.getPromptTokenIds().isEmpty()) {
            empty("prompt_token_ids", "token");
        }
        if (ids) {
            checkTokenIds("prompt_token_ids", request.getPromptTokenIds());
        }
    }

    private void empty(String field, String what) {
        add(FailureCode.EMPTY_PROMPT, field, field + " is empty; give at least one " + what + ".");
    }

    private void checkTools(InferenceRequest request) {
        boolean conversation = request.getMessages() != null;
        if (request.getTools() != null && !conversation) {
            add(
                    FailureCode.INVALID_PARAMETER,
                    "tools",
                    "tools is set without messages, and only a conversation is rendered by the chat"
                            + " template, which tells the model: leave it out, or write the prompt"
                            + " as messages.");
        }
        if (!conversation) {
            return;
        }
        for (ChatMessage message : request.getMessages()) {
            String fault = MessageFields.fault(message);
            if (fault != null) {
                add(FailureCode.INVALID_PARAMETER, "messages", fault);
            }
        }
    }

    private void checkConstraint(InferenceRequest request) {
        if (request.getConstraint() == null) {
            return;
        }
        String fault = WireConstraint.fault(request.getConstraint());
        if (fault != null) {
            add(FailureCode.INVALID_PARAMETER, "constraint", fault);
        }
    }

    private void checkSampling(InferenceRequest request) {
        for (Field field : Field.values()) {
            String name = field.requestName();
            // Faults of the constraint are already in the list.
            Object value = field == Field.CONSTRAINT ? null : request.get(name);
            String fault = value == null ? null : field.fault(name, value, Integer.MAX_VALUE);
            if (fault != null) {
                add(FailureCode.INVALID_PARAMETER, name, fault);
            }
        }
    }

    /** Reports only the first invalid id: others are probably invalid for the same reason. */
    private void checkTokenIds(String field, List<Integer> ids) {
        for (int i = 0; i < ids.size(); i++) {
            if (ids.get(i) < 0) {
                invalid(field, field + "[" + i + "]", ids.get(i), "0 or more");
                return;
            }
        }
    }

    private void invalid(String field, String place, Object value, String range) {
        add(
                FailureCode.INVALID_PARAMETER,
                field,
                place + " is " + value + "; it must be " + range + ".");
    }

    private void add(FailureCode code, String field, String message) {
        all.add(new Fault(code, PROMPT.contains(field) ? PROMPT : List.of(field), message));
    }
}
