package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.sampling.constraint.CompiledConstraint;
import io.millrace.gpu.sampling.constraint.ConstrainedText;
import io.millrace.gpu.sampling.constraint.GrammarCache;
import io.millrace.gpu.sampling.grammar.Grammar;
import java.util.Arrays;
import java.util.List;

/** Decides which constraints an engine can hold a completion to. Safe for any thread. */
final class ConstraintCheck {
    /** No text has more: what needs more is made of bytes that are no token. */
    private static final int MOST_TOKENS = 1 << 28;

    private final GrammarCache grammars;
    private final EndOfText endOfText;
    private final ModelRunner runner;

    /**
     * @param maxBytes memory of all grammars together
     */
    ConstraintCheck(ModelText text, EndOfText endOfText, ModelRunner runner, long maxBytes) {
        grammars = new GrammarCache(text.bytes(), maxBytes);
        this.endOfText = endOfText;
        this.runner = runner;
    }

    /** As {@link Engine#compile}. */
    Constraint compile(Constraint constraint) throws RequestRejectedException {
        return constraint instanceof CompiledConstraint ? constraint : grammars.hold(constraint);
    }

    /**
     * What the engine holds for a request; null where its caller does, and without a constraint.
     */
    CompiledConstraint hold(SamplingParameters sampling) throws RequestRejectedException {
        return sampling.constraint() == null || sampling.constraint() instanceof CompiledConstraint
                ? null
                : grammars.holdAtOnce(sampling.constraint());
    }

    /** The grammar of a request's constraint; null without one. */
    Grammar grammar(SamplingParameters sampling) throws RequestRejectedException {
        return sampling.constraint() == null ? null : grammars.get(sampling.constraint());
    }

    /**
     * Rejects a request whose completions cannot be what its constraint says.
     *
     * @param room tokens that the model's context leaves behind the prompt
     */
    void check(GenerationRequest request, int room) throws RequestRejectedException {
        SamplingParameters sampling = request.sampling();
        if (sampling.constraint() == null) {
            return;
        }
        checkStops("stop", sampling.stop());
        checkStops("stop_token_ids", sampling.stopTokenIds());
        if (sampling.logprobs() != SamplingParameters.NO_LOGPROBS && !runner.masksKeepLogprobs()) {
            throw new RequestRejectedException(
                    Reason.UNSUPPORTED,
                    "logprobs is set beside constraint, but on "
                            + runner.device()
                            + " this release has no log probabilities of constrained completions:"
                            + " leave logprobs out, or run the model on the CPU.");
        }
        Grammar grammar = grammar(sampling);
        if (grammar.fewestTokens() > MOST_TOKENS) {
            throw invalid(
                    "The constraint allows no text that this model's tokens can write: no answer is"
                            + " possible, change it.");
        }
        // Here no token is needed to end a text.
        int fewest = Math.max(1, grammar.fewestTokens() - 1);
        int most = Math.min(sampling.maxTokens(), room);
        if (fewest > most) {
            throw invalid(
                    ("The shortest text that the constraint allows has %d tokens, but the answer may"
                                    + " have %d (max_tokens is %d): %s.")
                            .formatted(
                                    fewest,
                                    most,
                                    sampling.maxTokens(),
                                    fewest <= room
                                            ? "set max_tokens to at least " + fewest
                                            : "shorten the prompt or the constraint"));
        }
        int[] stopIds = endOfText.stopIds(sampling).sorted().toArray();
        ConstrainedText start = new ConstrainedText(grammar, stopIds, most);
        if (stopIds.length == 0 && grammar.fewestTokens() == 1 && start.isOver()) {
            throw invalid(
                    "The constraint allows the empty text alone, which only a token that ends the"
                            + " answer can make, and here none does: leave ignore_eos out, or"
                            + " change the constraint.");
        }
        for (int[] tokens : request.generated()) {
            checkGenerated(tokens, stopIds, start);
        }
    }

    /** A text that is cut where it is not whole would be none of the constraint's. */
    private static void checkStops(String name, List<?> stops) throws RequestRejectedException {
        if (!stops.isEmpty()) {
            throw invalid(
                    name
                            + " is set beside constraint, and could cut the answer where it is not"
                            + " whole: leave "
                            + name
                            + " out, the constraint says where the answer ends.");
        }
    }

    private static void checkGenerated(int[] tokens, int[] stopIds, ConstrainedText start)
            throws RequestRejectedException {
        ConstrainedText text = start.after(tokens, 0, 0);
        for (int i = 0; i < tokens.length; i++) {
            boolean ends = i == tokens.length - 1 && Arrays.binarySearch(stopIds, tokens[i]) >= 0;
            if (!ends && !text.accept(tokens[i])) {
                throw invalid(
                        text.failure() == null
                                ? "Token %d was generated before, but the constraint does not allow it there: it was another constraint."
                                        .formatted(tokens[i])
                                : "The answer cannot go on behind token %d, which was generated before: %s."
                                        .formatted(tokens[i], text.failure()));
            }
        }
    }

    private static RequestRejectedException invalid(String message) {
        return new RequestRejectedException(Reason.INVALID_PARAMETER, message);
    }
}
