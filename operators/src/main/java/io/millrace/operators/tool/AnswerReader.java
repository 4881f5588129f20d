package io.millrace.operators.tool;

import io.millrace.gpu.api.EngineOptions.Reasoning;
import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.common.Sha256;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.ToolCall;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Takes reasoning and calls of tools out of the texts of answers. A pure function of (model,
 * request, answer). Safe for any thread.
 */
public final class AnswerReader {
    private static final String THINK = "<think>";
    private static final String THOUGHT = "</think>";

    /** Digits of a call's id where the format asks for no other number. */
    private static final int ID_DIGITS = 24;

    /**
     * The parts of an answer.
     *
     * @param text what is in no other part
     * @param finishReason as in results
     * @param calls null for none
     * @param error why what looks like calls is none; null without
     * @param reasoning null for none
     */
    public record Parts(
            String text,
            String finishReason,
            List<ToolCall> calls,
            String error,
            String reasoning) {}

    private final Reasoning reasoning;
    private final Tokenizer tokenizer;
    private final RequestTools tools;
    private final boolean constrained;

    /**
     * @param constrained whether answers to requests without a constraint have the job's
     */
    public AnswerReader(
            ModelInfo model, Tokenizer tokenizer, RequestTools tools, boolean constrained) {
        this.reasoning = model.reasoning();
        this.tokenizer = tokenizer;
        this.tools = tools;
        this.constrained = constrained;
    }

    /** The parts of a request's answer. */
    public Parts read(InferenceRequest request, GenerationResult.Completion answer) {
        String finish = answer.finishReason().wireName();
        ToolUse use = use(request);
        boolean thinks =
                reasoning == Reasoning.THINK
                        && request.getMessages() != null
                        && request.getConstraint() == null
                        && !constrained
                        && (use == null || !use.isForced());
        if (use == null && !thinks) {
            return new Parts(answer.text(), finish, null, null, null);
        }
        Set<String> marks = new HashSet<>();
        if (thinks) {
            marks.addAll(Set.of(THINK, THOUGHT));
        }
        if (use != null) {
            marks.addAll(use.format().marks());
        }
        String text = MarkedText.of(answer, tokenizer, marks);
        String thought = thinks ? thought(text) : null;
        if (thought != null) {
            text = behindThought(text);
        }
        if (use == null) {
            return new Parts(text, finish, null, null, thought);
        }
        try {
            CallFormat.Parts parts = use.parse(text);
            if (parts.calls().isEmpty()) {
                return new Parts(text, finish, null, null, thought);
            }
            List<ToolCall> calls = new ArrayList<>();
            for (RawCall call : parts.calls()) {
                calls.add(
                        new ToolCall(
                                id(request, answer.index(), calls.size(), use.format()),
                                "function",
                                new FunctionCall(call.name(), call.arguments())));
            }
            return new Parts(
                    parts.text().strip(),
                    answer.finishReason() == FinishReason.STOP ? "tool_calls" : finish,
                    calls,
                    null,
                    thought);
        } catch (CallException e) {
            return new Parts(text, finish, null, "The call " + e.getMessage() + ".", thought);
        }
    }

    private ToolUse use(InferenceRequest request) {
        try {
            return tools.of(request);
        } catch (RequestRejectedException e) {
            throw new IllegalStateException("A request that was refused has no answer.", e);
        }
    }

    /** What stands before the closing tag, or behind the opening one; null without either. */
    private static String thought(String text) {
        int end = text.indexOf(THOUGHT);
        String before = (end < 0 ? text : text.substring(0, end)).strip();
        boolean opened = before.startsWith(THINK);
        if (end < 0 && !opened) {
            return null;
        }
        return opened ? before.substring(THINK.length()).strip() : before;
    }

    private static String behindThought(String text) {
        int end = text.indexOf(THOUGHT);
        return end < 0 ? "" : text.substring(end + THOUGHT.length()).stripLeading();
    }

    /** Depends on request and place alone. */
    private static String id(
            InferenceRequest request, int completion, int call, CallFormat format) {
        String hash =
                Sha256.fingerprint(String.join("\n", request.getId(), "" + completion, "" + call));
        return format.idLength() > 0
                ? hash.substring(0, format.idLength())
                : "call_" + hash.substring(0, ID_DIGITS);
    }
}
