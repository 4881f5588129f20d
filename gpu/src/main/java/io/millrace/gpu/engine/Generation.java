package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.sampling.constraint.CompiledConstraint;
import io.millrace.gpu.sampling.constraint.ConstrainedText;
import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.schedule.SequenceGroup;
import io.millrace.gpu.speculation.Drafting;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A request inside the engine: its completions, and the number of those not finished. */
final class Generation {
    final long handle;
    final GenerationRequest request;
    final SequenceGroup group;
    final long seed;

    /** Most tokens of each completion. */
    final int maxTokens;

    /** Token ids that end a completion, ascending. */
    final int[] stopIds;

    /** Strings that end a completion, the model's own and the request's. */
    final List<String> stops;

    /** How its tokens are guessed; null for not at all. */
    final Drafting drafting;

    /** What each completion is; null for any text. */
    private final Grammar grammar;

    /** What the engine gives back when this is dead; null where another holds the constraint. */
    CompiledConstraint held;

    private final List<CompletionSequence> completions = new ArrayList<>();
    private int unfinished;

    /** Whether it has finished, failed or been cancelled: it has no further events. */
    private boolean dead;

    /**
     * @param grammar that of the request's constraint; null without one
     * @param drafting how its tokens are guessed; null for not at all
     */
    Generation(
            long handle,
            GenerationRequest request,
            int maxTokens,
            Grammar grammar,
            Drafting drafting,
            EndOfText endOfText,
            Tokenizer tokenizer) {
        this.handle = handle;
        this.request = request;
        this.maxTokens = maxTokens;
        this.grammar = grammar;
        this.drafting = drafting;
        SamplingParameters sampling = request.sampling();
        group = new SequenceGroup(request.priority(), handle, request.promptTokenIds().length);
        seed = sampling.seed() != null ? sampling.seed() : seedOf(request.id());
        stopIds = endOfText.stopIds(sampling).sorted().toArray();
        stops = endOfText.stops(sampling);
        unfinished = sampling.n();
        for (int i = 0; i < sampling.n(); i++) {
            int[] before = i < request.generated().size() ? request.generated().get(i) : new int[0];
            completions.add(new CompletionSequence(this, i, tokenizer, before));
        }
    }

    /**
     * The seed of a request without one: the 64-bit FNV-1a hash of the id's UTF-8, mixed by the
     * finalizer of MurmurHash3. Part of the sampling rule in {@code docs/numerics.md}.
     */
    static long seedOf(String id) {
        long hash = 0xCBF29CE484222325L;
        for (byte b : id.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
        }
        hash = (hash ^ hash >>> 33) * 0xFF51AFD7ED558CCDL;
        hash = (hash ^ hash >>> 33) * 0xC4CEB9FE1A85EC53L;
        return hash ^ hash >>> 33;
    }

    /** The text of a completion at its beginning; null for any text. */
    ConstrainedText constrainedText() {
        return grammar == null ? null : new ConstrainedText(grammar, stopIds, maxTokens);
    }

    List<CompletionSequence> completions() {
        return completions;
    }

    void completionFinished() {
        unfinished--;
    }

    boolean isFinished() {
        return unfinished == 0;
    }

    void die() {
        dead = true;
        if (held != null) {
            held.close();
        }
    }

    boolean isDead() {
        return dead;
    }

    GenerationResult result() {
        List<Completion> results = new ArrayList<>();
        for (CompletionSequence completion : completions) {
            results.add(completion.result());
        }
        return new GenerationResult(
                request.id(),
                group.promptLength(),
                completions.get(0).cachedTokens(),
                List.copyOf(results));
    }
}
