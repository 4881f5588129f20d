package io.millrace.gpu.engine;

import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.sampling.constraint.ConstrainedText;
import io.millrace.gpu.schedule.Sequence;
import io.millrace.gpu.schedule.StepPlan;
import io.millrace.gpu.speculation.Drafter;
import io.millrace.gpu.text.Detokenizer;
import io.millrace.gpu.text.StopStrings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The sequence of one completion: its tokens, and when and how it ends. Engine thread only. */
final class CompletionSequence extends Sequence {
    private static final int[] NO_DRAFT = {};

    private final Generation generation;
    private final Tokenizer tokenizer;
    private final SamplingRow row;

    /** Number of tokens that were generated, and reported, before an interruption. */
    private final int told;

    /** Log probabilities; null if the request has none. */
    private final List<TokenLogprobs> logprobs;

    /** Both are null without stop strings: then the text is decoded once, at the end. */
    private final StopStrings stops;

    private final Detokenizer detokenizer;

    /** Guesses the tokens to come; null if there is no speculation. */
    private final Drafter drafter;

    /** The draft of the step in flight. */
    private int[] draft = NO_DRAFT;

    private FinishReason finishReason;
    private String text;

    /**
     * @param before tokens generated before an interruption
     */
    CompletionSequence(Generation generation, int index, Tokenizer tokenizer, int[] before) {
        super(
                generation.group,
                index,
                generation.group.promptLength(),
                generation.group.promptLength() + generation.maxTokens);
        this.generation = generation;
        this.tokenizer = tokenizer;
        SamplingParameters sampling = generation.request.sampling();
        row =
                new SamplingRow(
                        sampling,
                        generation.seed,
                        index,
                        generation.request.promptTokenIds(),
                        generation.stopIds);
        row.position = total();
        row.constrained = generation.constrainedText();
        stops =
                generation.stops.isEmpty()
                        ? null
                        : new StopStrings(generation.stops, tokenizer.specialTokens().values());
        detokenizer = stops == null ? null : new Detokenizer(tokenizer);
        drafter = generation.drafting == null ? null : new Drafter(generation.drafting.ngram());
        told = before.length;
        logprobs = sampling.logprobs() < 0 ? null : new ArrayList<>();
        if (logprobs == null) {
            for (int i = 0; i < before.length && !isFinished(); i++) {
                append(before[i]);
            }
        }
        // Otherwise it starts over: log probabilities are not kept with the tokens, and the same
        // tokens will be sampled again.
    }

    Generation generation() {
        return generation;
    }

    boolean isFinished() {
        return finishReason != null;
    }

    @Override
    protected boolean runsAhead() {
        return row.features.runsAhead() && !isDrafting();
    }

    /** Whether its tokens are guessed, each time after the last one is known. */
    private boolean isDrafting() {
        if (drafter == null) {
            return false;
        }
        while (drafter.size() < row.prompt.length) {
            drafter.addPrompt(row.prompt[drafter.size()]);
        }
        while (drafter.size() < total()) {
            drafter.add(row.generated[drafter.size() - row.prompt.length]);
        }
        return drafter.isOn();
    }

    @Override
    protected int draft(int most) {
        if (!isDrafting()) {
            return 0;
        }
        if (draft.length == 0) {
            draft = new int[generation.drafting.tokens()];
        }
        return possible(drafter.draft(draft, Math.min(most, draft.length)));
    }

    /** Number of drafts up to the first that cannot be sampled, or that would end it. */
    private int possible(int drafts) {
        ConstrainedText text =
                drafts == 0 || row.constrained == null
                        ? null
                        : row.constrained.after(row.generated, 0, 0);
        for (int i = 0; i < drafts; i++) {
            if (row.isStop(draft[i]) || text != null && !text.accept(draft[i])) {
                return i;
            }
        }
        return drafts;
    }

    /**
     * Fills its row of a step.
     *
     * @param token index of the row's first token
     */
    void fill(StepBatch batch, int token, StepPlan plan, int at) {
        int count = plan.count(at);
        int drafts = plan.drafts(at);
        int position = plan.position(at);
        if (position < total()) {
            copyTokens(position, count - drafts, batch.tokenIds, token);
            System.arraycopy(draft, 0, batch.tokenIds, token + count - drafts, drafts);
        } else {
            batch.tokenIds[token] = StepBatch.LAST_SAMPLE;
        }
        batch.rowStart[at] = token;
        batch.blockTables[at] = blocks();
        batch.sample(at, plan.samples(at), plan.samples(at) > 0 ? row : null);
        for (int i = 0; i < count; i++) {
            batch.positions[token + i] = position + i;
        }
    }

    /** Whether a token is that draft of the last step. */
    boolean isDraft(int index, int token) {
        return draft[index] == token;
    }

    /** Whether the last token has not been reported to the caller yet. */
    boolean isLastTokenNew() {
        return row.generatedCount > told;
    }

    /** Appends a sampled token. */
    void accept(int token, TokenLogprobs tokenLogprobs) {
        if (logprobs != null) {
            logprobs.add(tokenLogprobs);
        }
        append(token);
    }

    private void append(int token) {
        if (row.generatedCount == row.generated.length) {
            row.generated = Arrays.copyOf(row.generated, 2 * row.generatedCount);
        }
        row.generated[row.generatedCount++] = token;
        row.position++;
        grow();
        if (row.isStop(token)) {
            if (stops != null) {
                takeSpecial(token);
            }
            finish(FinishReason.STOP, row.generatedCount - 1);
        } else if (row.constrained != null && endsText(token)) {
            boolean cut = row.constrained.isAtLimit();
            finish(cut ? FinishReason.LENGTH : FinishReason.STOP, row.generatedCount);
        } else if (stops != null && (stops.add(detokenizer.add(token)) || takeSpecial(token))) {
            finish(FinishReason.STOP, row.generatedCount);
        } else if (row.generatedCount >= generation.maxTokens) {
            finish(FinishReason.LENGTH, row.generatedCount);
        }
    }

    /** Whether nothing may come behind this token of the text. */
    private boolean endsText(int token) {
        row.constrained.accept(token);
        return row.constrained.isOver();
    }

    /** Whether a stop string ends with this token, which is a special one. */
    private boolean takeSpecial(int token) {
        String special = stops.spansSpecials() ? tokenizer.specialTokens().get(token) : null;
        return special != null && stops.addSpecial(special, detokenizer.held());
    }

    /**
     * @param visible number of tokens of the text, without a token that ended it
     */
    private void finish(FinishReason reason, int visible) {
        finishReason = reason;
        if (stops == null) {
            text = tokenizer.decode(Arrays.copyOf(row.generated, visible));
        } else {
            if (stops.add(detokenizer.flush())) {
                finishReason = FinishReason.STOP;
            }
            text = stops.text();
        }
        generation.completionFinished();
    }

    @Override
    protected void copyTokens(int from, int count, int[] target, int offset) {
        int prompt = Math.min(count, Math.max(0, row.prompt.length - from));
        if (prompt > 0) {
            System.arraycopy(row.prompt, from, target, offset, prompt);
        }
        if (prompt < count) {
            int generated = from + prompt - row.prompt.length;
            System.arraycopy(row.generated, generated, target, offset + prompt, count - prompt);
        }
    }

    /**
     * Why no token could be sampled.
     *
     * @param token what the runner said instead of one
     */
    String failure(int token) {
        if (token != StepOutput.BAD_LOGITS) {
            throw new IllegalStateException("The model runner drew token " + token + ".");
        }
        String where = "at position %d of completion %d".formatted(total(), index());
        if (row.constrained != null) {
            String broken = row.constrained.nextFailure();
            if (broken != null) {
                return "The constraint's grammar failed %s: %s.".formatted(where, broken);
            }
            return ("The model's logits %s are not numbers, or each token that the constraint allows"
                            + " is held back by suppress_tokens or min_tokens: leave these out, or"
                            + " check that the weights are whole.")
                    .formatted(where);
        }
        if (row.features.edits()) {
            return ("The model's logits %s are not numbers, or every token is suppressed: name fewer"
                            + " in suppress_tokens, or check that the weights are whole.")
                    .formatted(where);
        }
        return ("The model's logits %s are not numbers: it cannot go on from this prompt; check that"
                        + " the weights are whole.")
                .formatted(where);
    }

    Completion result() {
        return new Completion(
                index(),
                text,
                Arrays.copyOf(row.generated, row.generatedCount),
                finishReason,
                logprobs == null ? null : List.copyOf(logprobs));
    }
}
