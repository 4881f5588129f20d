package io.millrace.gpu.sampling.constraint;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.sampling.grammar.Grammar;
import java.time.Duration;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The grammars that requests hold, and the bytes that were compiled of them together, which are
 * bounded: who wants one more waits until others are given back. One alone is always held, however
 * large. Safe for any thread.
 */
final class HeldGrammars {
    private final long maxBytes;

    /** Grammars, with how many requests hold them. Guarded by this, as is what follows. */
    private final Map<Grammar, Integer> holders = new IdentityHashMap<>();

    private long bytes;

    /** How many requests gave theirs back. */
    private long returns;

    HeldGrammars(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /**
     * Holds a grammar once more.
     *
     * @param patience longest time in which no other is given back
     * @throws RequestRejectedException there is no room, or the thread was interrupted
     */
    synchronized void hold(Grammar grammar, Duration patience) throws RequestRejectedException {
        long seen = returns;
        long end = System.nanoTime() + patience.toNanos();
        while (!fits(grammar)) {
            if (seen != returns) {
                seen = returns;
                end = System.nanoTime() + patience.toNanos();
            }
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                throw full(grammar, patience);
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw full(grammar, patience);
            }
        }
        if (holders.merge(grammar, 1, Integer::sum) == 1) {
            bytes += grammar.compiledBytes();
        }
    }

    private boolean fits(Grammar grammar) {
        return holders.isEmpty()
                || holders.containsKey(grammar)
                || bytes + grammar.compiledBytes() <= maxBytes;
    }

    private RequestRejectedException full(Grammar grammar, Duration patience) {
        return new RequestRejectedException(
                Reason.UNSUPPORTED,
                ("The constraint takes %,d bytes compiled, and those of %d other requests in flight take"
                                + " %,d of the %,d that they may take together; none was given back"
                                + " within %d s: raise --constraint-memory, of which this is a quarter,"
                                + " or have fewer requests in flight.")
                        .formatted(
                                grammar.compiledBytes(),
                                holders.values().stream().mapToInt(Integer::intValue).sum(),
                                bytes,
                                maxBytes,
                                patience.toSeconds()));
    }

    /** Gives one back. */
    synchronized void release(Grammar grammar) {
        if (holders.merge(grammar, -1, Integer::sum) == 0) {
            holders.remove(grammar);
            bytes -= grammar.compiledBytes();
        }
        returns++;
        notifyAll();
    }

    /** About the bytes of all that are held. */
    synchronized long bytes() {
        return bytes;
    }
}
