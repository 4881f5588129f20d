package io.millrace.gpu.engine;

import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;

/**
 * The greatest length of a sequence: the model's context, at which completions end, and the
 * engine's limit, above which requests are rejected.
 *
 * @param context most tokens of prompt and completion together, by the model
 * @param maxModelLen the option's limit; at most the context
 * @param blocks KV blocks that a sequence can have if it is alone
 * @param blockSize positions of a block
 * @param blockBytes bytes of a block in all layers
 */
record SequenceRoom(
        int context,
        int maxModelLen,
        int blocks,
        int blockSize,
        long blockBytes,
        OptionNames names) {
    private static final long KIB = 1 << 10;
    private static final long MIB = 1 << 20;

    /** Most tokens that fit in this engine. */
    int positions() {
        return (int) Math.min(maxModelLen, (long) blocks * blockSize);
    }

    /**
     * Rejects a request that might not fit until its end even if it is alone.
     *
     * @param prompt tokens of the prompt
     * @param maxTokens the request's most tokens to generate
     */
    void check(int prompt, int maxTokens) throws RequestRejectedException {
        if (prompt >= context) {
            throw new RequestRejectedException(
                    Reason.PROMPT_TOO_LONG,
                    ("The prompt has %d tokens, which leaves no room for an answer in a context of"
                                    + " %d: shorten it to at most %d tokens.")
                            .formatted(prompt, context, context - 1));
        }
        int most = Math.min(maxTokens, context - prompt);
        int needed = prompt + most;
        if (needed <= positions()) {
            return;
        }
        String smaller =
                prompt < positions()
                        ? "set max_tokens to at most %d".formatted(positions() - prompt)
                        : "shorten the prompt to at most %d".formatted(positions() - 1);
        throw new RequestRejectedException(
                prompt < positions() ? Reason.INVALID_PARAMETER : Reason.PROMPT_TOO_LONG,
                names.say(
                        ("The prompt has %d tokens and its answer may have %d (max_tokens is %d),"
                                        + " %d together, but %s, or %s.")
                                .formatted(
                                        prompt, most, maxTokens, needed, room(needed), smaller)));
    }

    /**
     * A warning about a default with which no request fits.
     *
     * @param maxTokens default of the maximum tokens to generate
     * @return null if at least the shortest prompt fits
     */
    String remark(int maxTokens) {
        int needed = 1 + Math.min(maxTokens, context - 1);
        if (needed <= positions()) {
            return null;
        }
        return names.say(
                ("Every request without max_tokens will be refused: the model's default"
                                + " (max_new_tokens in generation_config.json) is %d, but %s, or"
                                + " have requests set max_tokens to less than %d.")
                        .formatted(maxTokens, room(needed), positions()));
    }

    private String room(int needed) {
        return needed > maxModelLen
                ? "--max-model-len is %d: raise it to at least %d".formatted(maxModelLen, needed)
                : "--kv-cache-memory has room for %d: raise it to at least %s"
                        .formatted(positions(), memory(needed));
    }

    /** Bytes of a cache for a number of positions, block 0 included, which is never allocated. */
    private String memory(int positions) {
        long bytes = ((positions + blockSize - 1L) / blockSize + 1) * blockBytes;
        return bytes < 10 * MIB
                ? (bytes + KIB - 1) / KIB + " KiB"
                : (bytes + MIB - 1) / MIB + " MiB";
    }
}
