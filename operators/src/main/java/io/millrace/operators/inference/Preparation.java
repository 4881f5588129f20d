package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.session.EngineSession;
import io.millrace.operators.options.PipelineOption;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.TokenEstimate;
import io.millrace.operators.request.RequestMapper;
import io.millrace.operators.tool.AnswerReader;
import io.millrace.operators.tool.RequestTools;
import io.millrace.operators.tool.ToolUse;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.InferenceRequest;
import java.util.List;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/**
 * Prepares a request for the engine: renders conversations, tokenizes texts, and refuses requests
 * that can never be answered. A pure function of (model, request). Safe for any thread.
 */
final class Preparation {
    /** Tokens from which on answers are of one length, longest first. */
    private static final int MAX_LENGTH = (1 << 20) - 1;

    /** Bound of requests' own priorities, longest first: the product is an int. */
    private static final int MAX_PRIORITY = 1 << 10;

    private final EngineSession session;
    private final RequestTools tools;

    /** What a request has where it does not say, the job's constraint compiled. */
    private final SamplingParameters defaults;

    /** Maximum bytes of a prompt's text, checked before it is tokenized. */
    private final long maxPromptBytes;

    /** Naming of options in refusals. */
    private final OptionNames names;

    private final boolean longestFirst;

    /**
     * Compiles the job's constraint.
     *
     * @throws SuppressRestartsException it is wrong, or not supported
     */
    static Preparation open(EngineSession session, PipelineOptions options) {
        try {
            return new Preparation(session, options);
        } catch (RequestRejectedException e) {
            throw new SuppressRestartsException(
                    new IllegalStateException("The job's constraint: " + e.getMessage(), e));
        }
    }

    private Preparation(EngineSession session, PipelineOptions options)
            throws RequestRejectedException {
        this.session = session;
        this.tools = new RequestTools(session.model().toolFormat(), options.tools());
        this.defaults = constrained(session.model().defaultSampling(), options.constraint());
        this.maxPromptBytes = options.maxPromptBytes();
        this.names = options.engine().names();
        this.longestFirst = options.longestFirst();
    }

    /**
     * @param generated tokens so far, one array per completion
     * @throws RequestRejectedException what can never be answered
     */
    GenerationRequest prepare(InferenceRequest request, Origin origin, List<int[]> generated)
            throws RequestRejectedException {
        checkBytes(request);
        SamplingParameters sampling = RequestMapper.sampling(request, defaults);
        ToolUse use = tools.of(request);
        if (use != null && use.isForced()) {
            sampling = constrained(sampling, use.constraint());
        } else if (use != null && defaults.constraint() != null) {
            throw new RequestRejectedException(
                    Reason.INVALID_PARAMETER,
                    "There are tools, but this job holds its answers to a constraint, and an answer"
                            + " is one or the other: set tool_choice to required or none.");
        } else if (request.getConstraint() != null) {
            sampling = constrained(sampling, sampling.constraint());
        }
        boolean success = false;
        try {
            GenerationRequest prepared =
                    new GenerationRequest(
                            request.getId(),
                            promptTokens(request, origin, use),
                            sampling,
                            priority(request, sampling),
                            generated);
            session.check(prepared);
            success = true;
            return prepared;
        } finally {
            if (!success) {
                release(sampling);
            }
        }
    }

    /**
     * The request's own, and with longest first the longer answer before others of the same.
     *
     * @return lower ones are scheduled first
     */
    private int priority(InferenceRequest request, SamplingParameters sampling) {
        int own = request.getPriority() == null ? 0 : request.getPriority();
        if (!longestFirst) {
            return own;
        }
        int longest = Math.min(sampling.maxTokens(), MAX_LENGTH);
        int level = Math.max(-MAX_PRIORITY, Math.min(own, MAX_PRIORITY));
        return level * (MAX_LENGTH + 1) + MAX_LENGTH - longest;
    }

    /** Takes the answers of these requests apart. */
    AnswerReader reader() {
        return new AnswerReader(
                session.model(), session.tokenizer(), tools, defaults.constraint() != null);
    }

    /** Gives the memory of a request's own constraint back, once it is done. */
    void release(SamplingParameters sampling) {
        if (sampling.constraint() != defaults.constraint()) {
            session.release(sampling.constraint());
        }
    }

    private SamplingParameters constrained(SamplingParameters sampling, Constraint constraint)
            throws RequestRejectedException {
        return constraint == null
                ? sampling
                : sampling.toBuilder().constraint(session.compile(constraint)).build();
    }

    private int[] promptTokens(InferenceRequest request, Origin origin, ToolUse use)
            throws RequestRejectedException {
        if (request.getPrompt() != null) {
            checkLength(request.getPrompt());
            return session.tokenizer().encode(request.getPrompt());
        } else if (request.getMessages() != null) {
            String rendered = session.renderChat(RequestMapper.chat(request, origin, use));
            rendered = use == null ? rendered : use.opened(rendered);
            checkLength(rendered);
            return session.tokenizer().encodeRendered(rendered);
        }
        return request.getPromptTokenIds().stream().mapToInt(Integer::intValue).toArray();
    }

    private void checkBytes(InferenceRequest request) throws RequestRejectedException {
        if (TokenEstimate.characters(request) <= maxPromptBytes / 3) {
            // No Java character takes more than three bytes of UTF-8.
            return;
        }
        long bytes = request.getPrompt() == null ? 0 : bytes(request.getPrompt());
        if (request.getMessages() != null) {
            for (ChatMessage message : request.getMessages()) {
                bytes += bytes(message.getContent());
                bytes += bytes(TokenEstimate.orEmpty(message.getToolCalls()));
                bytes += bytes(TokenEstimate.orEmpty(message.getReasoningContent()));
            }
        }
        bytes += bytes(TokenEstimate.orEmpty(request.getTools()));
        if (request.getChatTemplateKwargs() != null) {
            bytes += bytes(request.getChatTemplateKwargs());
        }
        if (bytes > maxPromptBytes) {
            throw new RequestRejectedException(
                    Reason.PROMPT_TOO_LONG,
                    PipelineOption.say(
                            names,
                            ("The prompt has %d bytes, but this job tokenizes prompts of at most %d:"
                                            + " shorten it, or raise the job's --max-prompt-size.")
                                    .formatted(bytes, maxPromptBytes)));
        }
    }

    /** Refuses a text that is too long by its length alone, before it is tokenized. */
    private void checkLength(String text) throws RequestRejectedException {
        int context = session.model().context();
        long least = session.tokenizer().leastTokens(text);
        if (least >= context) {
            throw new RequestRejectedException(
                    Reason.PROMPT_TOO_LONG,
                    ("The prompt has at least %d tokens (by its %d characters), which leaves no room"
                                    + " for an answer in a context of %d: shorten it to at most %d tokens.")
                            .formatted(least, text.length(), context, context - 1));
        }
    }

    /** Bytes of a text's UTF-8. */
    static long bytes(String text) {
        long bytes = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            // A surrogate is half of a character of four bytes.
            bytes += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
        }
        return bytes;
    }
}
