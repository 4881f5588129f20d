package io.millrace.gpu.sampling.grammar.mask;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.HashSet;
import java.util.Set;

/**
 * A bound of the bytes that the states of several grammars hold together, whoever holds the
 * grammars. While all of them are below it each may grow; beyond, a grammar that holds more than an
 * equal part forgets its states before it makes others. So all together hold at most twice the
 * bound. A grammar that nobody holds counts until it is collected: that costs time, and changes no
 * mask. Safe for any thread.
 */
public final class StateBytes {
    private final long most;
    private final ReferenceQueue<Object> collected = new ReferenceQueue<>();
    private final Set<Share> shares = new HashSet<>();
    private long total;

    public StateBytes(long most) {
        this.most = most;
    }

    /** About the bytes of all states now. */
    public synchronized long total() {
        prune();
        return total;
    }

    /** What one holder of states has, none at first; counts as long as the holder is there. */
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

    /** The part of one holder, who calls it on one thread at a time. */
    final class Share extends WeakReference<Object> {
        private long bytes;

        private Share(Object holder, ReferenceQueue<Object> collected) {
            super(holder, collected);
        }

        /** Sets what the holder has; true if it shall let go of that before it takes more. */
        boolean isTooMuch(long now) {
            return now != bytes && update(this, now);
        }
    }
}
