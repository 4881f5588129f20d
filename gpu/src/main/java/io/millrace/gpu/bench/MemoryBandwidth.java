package io.millrace.gpu.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Measures this machine's read bandwidth with all threads: the upper bound of decoding one
 * sequence, which reads each weight once per token.
 */
public final class MemoryBandwidth {
    private static final VectorSpecies<Integer> SPECIES = IntVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();

    /** Independent sums: enough loads in flight to hide the latency of memory. */
    private static final int SUMS = 8;

    /** Ints per call of the loop, so few that it is compiled early in the first pass. */
    private static final int PIECE = 1 << 16;

    /**
     * Pieces of a pass, 64 MiB together: long enough to be timed, short enough that on a busy
     * machine some passes are undisturbed.
     */
    private static final int PASS = 256;

    private final List<int[]> pieces = new ArrayList<>();
    private final AtomicInteger next = new AtomicInteger();

    private MemoryBandwidth(long bytes) {
        for (long at = 0; at < bytes; at += PIECE * Integer.BYTES) {
            int[] piece = new int[PIECE];
            // Memory is written first, so that no pages share the kernel's page of zeros.
            Arrays.fill(piece, 1);
            pieces.add(piece);
        }
    }

    /**
     * Reads {@code bytes} of memory repeatedly, at least once and for at least {@code nanos}.
     *
     * @param bytes far more than the caches hold; allocated on the heap during the call
     * @return bytes per second of the fastest 64 MiB
     */
    public static double measure(long bytes, int threads, long nanos) throws InterruptedException {
        return new MemoryBandwidth(bytes).measure(threads, nanos);
    }

    private double measure(int threads, long nanos) throws InterruptedException {
        ExecutorService team = Executors.newFixedThreadPool(threads);
        try {
            int count = Math.min(PASS, pieces.size());
            double best = 0;
            long start = System.nanoTime();
            int from = 0;
            for (int read = 0; read < pieces.size() || System.nanoTime() - start < nanos; ) {
                if (from + count > pieces.size()) {
                    from = 0;
                }
                best = Math.max(best, pass(team, threads, from, from + count));
                from += count;
                read += count;
            }
            return best;
        } finally {
            team.shutdown();
        }
    }

    /** A thread of a pass; a free thread reads the next piece. */
    private double pass(ExecutorService team, int threads, int from, int end)
            throws InterruptedException {
        next.set(from);
        Callable<Long> reader =
                () -> {
                    long sum = 0;
                    for (int piece; (piece = next.getAndIncrement()) < end; ) {
                        sum += sum(pieces.get(piece));
                    }
                    return sum;
                };
        long start = System.nanoTime();
        List<Future<Long>> sums = team.invokeAll(Collections.nCopies(threads, reader));
        double seconds = (System.nanoTime() - start) / 1e9;
        long ints = (long) (end - from) * PIECE;
        check(sums, ints);
        return ints * Integer.BYTES / seconds;
    }

    private static void check(List<Future<Long>> sums, long ints) throws InterruptedException {
        long all = 0;
        for (Future<Long> sum : sums) {
            try {
                all += sum.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException(e.getCause());
            }
        }
        if (all != ints) {
            throw new IllegalStateException("The read test summed up wrongly.");
        }
    }

    private static int sum(int[] values) {
        IntVector a = IntVector.zero(SPECIES);
        IntVector b = a;
        IntVector c = a;
        IntVector d = a;
        IntVector e = a;
        IntVector f = a;
        IntVector g = a;
        IntVector h = a;
        for (int at = 0; at < PIECE; at += SUMS * LANES) {
            a = a.add(IntVector.fromArray(SPECIES, values, at));
            b = b.add(IntVector.fromArray(SPECIES, values, at + LANES));
            c = c.add(IntVector.fromArray(SPECIES, values, at + 2 * LANES));
            d = d.add(IntVector.fromArray(SPECIES, values, at + 3 * LANES));
            e = e.add(IntVector.fromArray(SPECIES, values, at + 4 * LANES));
            f = f.add(IntVector.fromArray(SPECIES, values, at + 5 * LANES));
            g = g.add(IntVector.fromArray(SPECIES, values, at + 6 * LANES));
            h = h.add(IntVector.fromArray(SPECIES, values, at + 7 * LANES));
        }
        IntVector all = a.add(b).add(c.add(d)).add(e.add(f).add(g.add(h)));
        return all.reduceLanes(VectorOperators.ADD);
    }
}
