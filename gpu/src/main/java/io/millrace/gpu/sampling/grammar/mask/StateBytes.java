package io.millrace.gpu.sampling.grammar.mask;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.HashSet;
import java.util.Set;

/**
 * A bound of the bytes of the states of several grammars together. Below the bound each grammar may
 * grow. Above it, a grammar with more than an equal share drops its states before it creates
 * others, so the total is at most twice the bound. An unreachable grammar counts until it is
 * garbage collected, which can cost time but changes no mask. Safe for any thread.
 */
public final class StateBytes {
    private final long most;
    private final ReferenceQueue<Object> collected = new ReferenceQueue<>();
    private final Set<Share> shares = new HashSet<>();
    private long total;

    public StateBytes(long most) {
        this.most = most;
    }

    /** Estimated bytes of all states. */
    public synchronized long total() {
        prune();
        return total;
    }

    /** Adds a holder of states, which counts while it is reachable. */
    synchronized Share join(Object holder) {
        prune();
        Share share = new Share(holder, collected);
        shares.add(share);
        return share;
    }

    private void prune() {
        for (Reference<?> gone = collected.poll(); gone != null; gone = collected.poll()) {
            Share share = (Share) gone;
            total -= share.bytes;
            shares.remove(share);
        }
    }

    private synchronized boolean update(Share share, long bytes) {
        prune();
        total += bytes - share.bytes;
        share.bytes = bytes;
        return total > most && bytes > most / shares.size();
    }

    /** The bytes of one holder. One thread at a time. */
    final class Share extends WeakReference<Object> {
        private long bytes;

        private Share(Object holder, ReferenceQueue<Object> collected) {
            super(holder, collected);
        }

        /** Sets the holder's bytes; returns whether it must drop states before it creates more. */
        boolean isTooMuch(long now) {
            return now != bytes && update(this, now);
        }
    }
}
