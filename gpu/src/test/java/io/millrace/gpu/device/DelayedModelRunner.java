package io.millrace.gpu.device;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Queue;

/**
 * Runs ahead on a runner that cannot, as a device would: it keeps what it needs of a launched step,
 * computes it when its time has come, and gives the output away when it is completed. Tokens go
 * from step to step without the host, rows that have come to their end are dropped, and what nobody
 * may read is no token and NaN.
 */
public final class DelayedModelRunner extends ForwardingModelRunner {
    private static final int POISON = -77;
    private static final TokenLogprobs NO_LOGPROBS =
            new TokenLogprobs(POISON, Float.NaN, new int[] {POISON}, new float[] {Float.NaN});

    private final int runAhead;
    private final boolean lazy;
    private final Queue<Step> launched = new ArrayDeque<>();
    private final Map<SamplingRow, Row> rows = new IdentityHashMap<>();
    private int most;
    private int dropped;

    /**
     * @param lazy whether a step is computed when it is completed, and not as soon as it is
     *     launched
     */
    public DelayedModelRunner(ModelRunner runner, int runAhead, boolean lazy) {
        super(runner);
        this.runAhead = runAhead;
        this.lazy = lazy;
    }

    /** What a device keeps of a row: its own count of tokens, ahead of the host's. */
    private static final class Row {
        final SamplingRow sampling;
        int inFlight;
        boolean ended;

        Row(SamplingRow host) {
            sampling =
                    new SamplingRow(
                            host.parameters,
                            host.seed,
                            host.completion,
                            host.prompt,
                            host.stopIds,
                            host.edits);
            sampling.generated = host.generated.clone();
            sampling.generatedCount = host.generatedCount;
            sampling.position = host.position;
            // The host's: it does not run ahead of it.
            sampling.constrained = host.constrained;
        }

        int last() {
            return sampling.generated[sampling.generatedCount - 1];
        }

        void take(int token) {
            if (sampling.generatedCount == sampling.generated.length) {
                sampling.generated = Arrays.copyOf(sampling.generated, 2 * sampling.generatedCount);
            }
            sampling.generated[sampling.generatedCount++] = token;
            sampling.position++;
        }

        void requireSameAs(SamplingRow host) {
            int n = host.generatedCount;
            if (sampling.generatedCount != n
                    || !Arrays.equals(sampling.generated, 0, n, host.generated, 0, n)) {
                throw new AssertionError("the host has other tokens than were sampled");
            }
        }
    }

    /**
     * A copy of a batch: the host may change its own, and the block tables, once it is launched.
     */
    private final class Step {
        final StepBatch batch;
        final StepOutput output;

        /** What is computed, and where it belongs; null before. */
        StepOutput computed;

        int[] rowOf;
        int[] sampleOf;
        int computedSamples;

        Step(StepBatch from, StepOutput output) {
            this.output = output;
            batch = new StepBatch(from.tokens, from.rows);
            batch.tokens = from.tokens;
            batch.rows = from.rows;
            System.arraycopy(from.tokenIds, 0, batch.tokenIds, 0, from.tokens);
            System.arraycopy(from.positions, 0, batch.positions, 0, from.tokens);
            System.arraycopy(from.rowStart, 0, batch.rowStart, 0, from.rows + 1);
            for (int row = 0; row < from.rows; row++) {
                batch.blockTables[row] = from.blockTables[row].clone();
                batch.sample(row, from.samples(row), from.sampling[row]);
                admit(row, from.sampling[row]);
            }
            poison();
        }

        private void admit(int row, SamplingRow host) {
            int first = batch.rowStart[row];
            int count = batch.rowStart[row + 1] - first;
            boolean last = batch.tokenIds[first + count - 1] == StepBatch.LAST_SAMPLE;
            require(batch.samples(row) <= 1 || !last, "a last sample with drafts behind it");
            if (host == null) {
                require(!last, "a last sample in a row that is not sampled");
                return;
            }
            Row own = rows.get(host);
            require(!last || own != null && own.inFlight > 0, "nothing was sampled before");
            require(!last || count == 1, "a last sample with other tokens");
            if (own == null) {
                own = new Row(host);
                rows.put(host, own);
            } else if (!last) {
                require(own.inFlight == 0, "a known token in a row that is ahead of it");
                own.requireSameAs(host);
            }
            own.inFlight++;
        }

        private void poison() {
            for (int sample = 0; sample < batch.samples(); sample++) {
                output.tokenIds[sample] = POISON;
                output.logprobs[sample] = NO_LOGPROBS;
            }
        }

        void compute() {
            StepBatch alive = new StepBatch(batch.tokens, batch.rows);
            rowOf = new int[batch.rows];
            for (int row = 0; row < batch.rows; row++) {
                if (!isDropped(row)) {
                    add(row, alive);
                }
            }
            computed = new StepOutput(batch.samples());
            sampleOf = new int[batch.samples()];
            alive.rowStart[alive.rows] = alive.tokens;
            if (alive.rows > 0) {
                runner.run(alive, computed);
            }
            for (int i = 0; i < alive.rows; i++) {
                SamplingRow host = batch.sampling[rowOf[i]];
                for (int j = 0; j < alive.samples(i); j++) {
                    sampleOf[alive.sampleStart[i] + j] = batch.sampleStart[rowOf[i]] + j;
                }
                if (host != null) {
                    take(alive, i, rows.get(host));
                }
            }
            computedSamples = alive.samples();
        }

        /** The tokens up to the first that is not the draft in its place. */
        private void take(StepBatch alive, int row, Row own) {
            boolean more = true;
            for (int i = 0; more && i < alive.samples(row); i++) {
                int token = computed.tokenIds[alive.sampleStart[row] + i];
                own.ended = token < 0 || own.sampling.isStop(token);
                if (token >= 0) {
                    own.take(token);
                }
                int draft = alive.firstSampled(row) + 1 + i;
                more = draft < alive.rowStart[row + 1] && alive.tokenIds[draft] == token;
            }
        }

        private boolean isDropped(int row) {
            SamplingRow host = batch.sampling[row];
            if (host == null || !rows.get(host).ended) {
                return false;
            }
            dropped++;
            return true;
        }

        private void add(int row, StepBatch to) {
            rowOf[to.rows] = row;
            to.rowStart[to.rows] = to.tokens;
            to.blockTables[to.rows] = batch.blockTables[row];
            Row own = batch.sampling[row] == null ? null : rows.get(batch.sampling[row]);
            to.sample(to.rows++, batch.samples(row), own == null ? null : own.sampling);
            for (int i = batch.rowStart[row]; i < batch.rowStart[row + 1]; i++) {
                int token = batch.tokenIds[i];
                to.tokenIds[to.tokens] = token == StepBatch.LAST_SAMPLE ? own.last() : token;
                to.positions[to.tokens++] = batch.positions[i];
            }
        }

        void giveAway() {
            for (SamplingRow host : batch.sampling) {
                if (host != null) {
                    rows.get(host).inFlight--;
                }
            }
            for (int i = 0; i < computedSamples; i++) {
                output.tokenIds[sampleOf[i]] = computed.tokenIds[i];
                output.logprobs[sampleOf[i]] = computed.logprobs[i];
            }
        }
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }

    /** The most steps that were in flight at once. */
    public int mostInFlight() {
        return most;
    }

    /** Rows that had come to their end before the host knew. */
    public int dropped() {
        return dropped;
    }

    @Override
    public int runAhead() {
        return runAhead;
    }

    @Override
    public void run(StepBatch batch, StepOutput output) {
        launch(batch, output);
        complete();
    }

    @Override
    public void launch(StepBatch batch, StepOutput output) {
        require(launched.size() <= runAhead, "more steps in flight than may be");
        Step step = new Step(batch, output);
        launched.add(step);
        most = Math.max(most, launched.size());
        if (!lazy) {
            step.compute();
        }
    }

    @Override
    public void complete() {
        Step step = launched.remove();
        if (lazy) {
            step.compute();
        }
        step.giveAway();
    }

    @Override
    public void close() {
        launched.clear();
        super.close();
    }
}
