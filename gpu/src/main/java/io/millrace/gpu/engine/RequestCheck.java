package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import java.util.List;

/** Knows which requests an engine can answer. Safe for any thread. */
final class RequestCheck {
    private static final int MAX_STOP_STRINGS = 16;
    private static final int MAX_COMPLETIONS = 64;
    private static final int MAX_LOGPROBS = 20;
    private static final double MAX_TEMPERATURE = 100;

    private final int vocabularySize;
    private final SequenceRoom room;

    RequestCheck(int vocabularySize, SequenceRoom room) {
        this.vocabularySize = vocabularySize;
        this.room = room;
    }

    /** Most tokens of prompt and completion together that fit here. */
    int maxModelLen() {
        return room.positions();
    }

    void check(GenerationRequest request) throws RequestRejectedException {
        checkPrompt(request.promptTokenIds());
        checkSampling(request.sampling());
        room.check(request.promptTokenIds().length, request.sampling().maxTokens());
        checkGenerated(request);
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

    private void checkSampling(SamplingParameters p) throws RequestRejectedException {
        range("max_tokens", p.maxTokens(), p.maxTokens() >= 1, "at least 1");
        between("temperature", p.temperature(), 0, MAX_TEMPERATURE);
        range("top_p", p.topP(), p.topP() > 0 && p.topP() <= 1, "above 0 and at most 1 (1 is off)");
        range("top_k", p.topK(), p.topK() >= 0, "at least 0 (0 is off)");
        between("min_p", p.minP(), 0, 1);
        range(
                "repetition_penalty",
                p.repetitionPenalty(),
                p.repetitionPenalty() > 0 && p.repetitionPenalty() < Double.POSITIVE_INFINITY,
                "a number above 0 (1 is off)");
        between("presence_penalty", p.presencePenalty(), -2, 2);
        between("frequency_penalty", p.frequencyPenalty(), -2, 2);
        range("n", p.n(), p.n() >= 1 && p.n() <= MAX_COMPLETIONS, "from 1 to " + MAX_COMPLETIONS);
        range(
                "logprobs",
                p.logprobs(),
                p.logprobs() >= -1 && p.logprobs() <= MAX_LOGPROBS,
                "from 0 to " + MAX_LOGPROBS + ", or absent");
        if (p.stop().size() > MAX_STOP_STRINGS) {
            throw invalid(
                    "There are %d stop strings; give at most %d."
                            .formatted(p.stop().size(), MAX_STOP_STRINGS));
        }
        if (p.stop().contains("")) {
            throw invalid("A stop string is empty: leave it out or give it a character.");
        }
        for (int token : p.stopTokenIds()) {
            if (!isToken(token)) {
                throw invalid(
                        "stop_token_ids has %d; this model's token ids go from 0 to %d."
                                .formatted(token, vocabularySize - 1));
            }
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

    private static void between(String name, double value, double low, double high)
            throws RequestRejectedException {
        // A NaN is not in any range.
        range(name, value, value >= low && value <= high, "from %.0f to %.0f".formatted(low, high));
    }

    private static void range(String name, Number value, boolean holds, String expected)
            throws RequestRejectedException {
        if (!holds) {
            throw invalid("%s is %s; it must be %s.".formatted(name, value, expected));
        }
    }

    private static RequestRejectedException invalid(String message) {
        return new RequestRejectedException(Reason.INVALID_PARAMETER, message);
    }
}
