package io.millrace.operators.dedupe;

import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import java.util.HashMap;
import java.util.Map;

/** The answers to requests by their keys, in bounded memory: what has no room is not kept. */
public final class AnswerTable {
    /** On the heap: a slot and an entry, the key, the result with its list and its id. */
    private static final int ENTRY_BYTES = 320;

    /** A completion with the headers of its text and of its array. */
    private static final int COMPLETION_BYTES = 160;

    private static final int LOGPROBS_BYTES = 96;

    private final long maxBytes;
    private final Map<RequestKey, GenerationResult> answers = new HashMap<>();
    private long bytes;

    /**
     * @param maxBytes maximum bytes of heap, estimated from above
     */
    public AnswerTable(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** The answer to requests of that key, null if it is not kept. */
    public GenerationResult get(RequestKey key) {
        return answers.get(key);
    }

    /** Keeps an answer if it has room. */
    public void put(RequestKey key, GenerationResult answer) {
        long needed = bytes(answer);
        if (bytes + needed <= maxBytes && answers.putIfAbsent(key, answer) == null) {
            bytes += needed;
        }
    }

    /** Bytes of heap that all take. */
    public long bytes() {
        return bytes;
    }

    private static long bytes(GenerationResult answer) {
        long bytes = ENTRY_BYTES + 2L * answer.id().length();
        for (Completion completion : answer.completions()) {
            bytes += COMPLETION_BYTES;
            bytes += 2L * completion.text().length();
            bytes += (long) Integer.BYTES * completion.tokenIds().length;
            if (completion.logprobs() != null) {
                for (TokenLogprobs each : completion.logprobs()) {
                    bytes += LOGPROBS_BYTES + 2L * Integer.BYTES * each.topIds().length;
                }
            }
        }
        return bytes;
    }
}
