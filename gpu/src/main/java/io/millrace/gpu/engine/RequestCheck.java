package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.gpu.sampling.LogitEdits;
import java.util.List;

/** Decides which requests an engine can answer. Safe for any thread. */
final class RequestCheck {
    private final int vocabularySize;
    private final EndOfText endOfText;
    private final SequenceRoom room;
    private final ConstraintCheck constraints;

    RequestCheck(
            int vocabularySize,
            EndOfText endOfText,
            SequenceRoom room,
            ConstraintCheck constraints) {
        this.vocabularySize = vocabularySize;
        this.endOfText = endOfText;
        this.room = room;
        this.constraints = constraints;
    }

    /** Maximum tokens of prompt and completion together. */
    int maxModelLen() {
        return room.positions();
    }

    /** A warning about a default of max_tokens; null if some requests fit with it. */
    String remark(int defaultMaxTokens) {
        return room.remark(defaultMaxTokens);
    }

    void check(GenerationRequest request) throws RequestRejectedException {
        checkPrompt(request.promptTokenIds());
        checkSampling(request.sampling());
        checkEdits(request.sampling());
        room.check(request.promptTokenIds().length, request.sampling().maxTokens());
        checkGenerated(request);
        constraints.check(request, room.context() - request.promptTokenIds().length);
    }

    private void checkPrompt(int[] prompt) throws RequestRejectedException {
        if (prompt.length == 0) {
            throw new RequestRejectedException(
                    Reason.EMPTY_PROMPT, "The prompt has no token: give it at least one.");
        }
        for (int i = 0; i < prompt.length; i++) {
            if (!isToken(prompt[i])) {
                throw invalid(
                        "The prompt's token %d is %d; this model's token ids go from 0 to %d."
                                .formatted(i, prompt[i], vocabularySize - 1));
            }
        }
    }

    private void checkSampling(SamplingParameters sampling) throws RequestRejectedException {
        for (Field field : Field.values()) {
            Object value = field.get(sampling);
            String fault =
                    value == null ? null : field.fault(field.requestName(), value, vocabularySize);
            if (fault != null) {
                throw invalid(fault);
            }
        }
    }

    private void checkEdits(SamplingParameters sampling) throws RequestRejectedException {
        int[] stopIds = endOfText.stopIds(sampling).toArray();
        int edits = LogitEdits.of(sampling, stopIds, 0).size();
        if (edits > LogitEdits.MOST) {
            throw invalid(
                    ("The request changes the logits of %d tokens, those that min_tokens holds back"
                                    + " among them; it must be at most %d: name fewer.")
                            .formatted(edits, LogitEdits.MOST));
        }
    }

    private void checkGenerated(GenerationRequest request) throws RequestRejectedException {
        List<int[]> generated = request.generated();
        if (generated.size() > request.sampling().n()) {
            throw invalid(
                    "Tokens of %d completions were generated before, but n is %d."
                            .formatted(generated.size(), request.sampling().n()));
        }
        for (int[] tokens : generated) {
            for (int token : tokens) {
                if (!isToken(token)) {
                    throw invalid(
                            ("Token %d was generated before, but this model's ids go from 0 to %d:"
                                            + " it was another model.")
                                    .formatted(token, vocabularySize - 1));
                }
            }
        }
    }

    private boolean isToken(int id) {
        return id >= 0 && id < vocabularySize;
    }

    private static RequestRejectedException invalid(String message) {
        return new RequestRejectedException(Reason.INVALID_PARAMETER, message);
    }
}
