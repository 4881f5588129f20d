package io.millrace.gpu.device.cuda;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.step.OutputSlots;
import io.millrace.gpu.device.cuda.step.QueuedStep;
import io.millrace.gpu.device.cuda.step.SampleSlots;
import io.millrace.gpu.device.cuda.step.StepLayout;
import io.millrace.gpu.device.cuda.step.StepQueue;
import io.millrace.gpu.device.cuda.step.StepWait;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleEdit;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleRow;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.LogitEdits;
import io.millrace.gpu.sampling.SamplingRow;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The CUDA runner's books around a device of Java: a thread is the stream, arrays are its memory,
 * and another runner computes. The device knows what was copied to it, and when: from host memory
 * it reads late, and it does to tables and slots what {@code resolve.cu} and the sampling kernels
 * do.
 */
public final class SimulatedCudaRunner implements ModelRunner {
    private static final int DROPPED = -3;
    private static final int POISON = -77;

    private final ModelRunner computes;
    private final int runAhead;
    private final int maxRows;

    /** The host's side, as in the CUDA backend. */
    private final SampleSlots slots;

    private final StepQueue steps;
    private final StepLayout layout;
    private final ByteBuffer[] places;
    private final OutputSlots outputs;
    private final StepWait wait;

    /** The device's side: the stream's thread only. */
    private final ExecutorService stream =
            Executors.newSingleThreadExecutor(task -> new Thread(task, "stream"));

    private final AtomicInteger queued = new AtomicInteger();
    private final Random pauses = new Random(1);
    private final ByteBuffer outputMemory;
    private final IntBuffer tables;
    private final int[] lastTokens;
    private final boolean[] ended;
    private final SamplingRow[] rows;
    private final BitSet[] stops;
    private final boolean[] counts;
    private int nextPlace;
    private volatile Throwable failure;
    private volatile int dropped;
    private volatile int recounted;

    /**
     * @param maxTokens most tokens of a step
     * @param maxRows most rows of a step
     * @param mostBlocks block ids of a row, at most
     */
    public SimulatedCudaRunner(
            ModelRunner computes, int runAhead, int maxTokens, int maxRows, int mostBlocks) {
        this.computes = computes;
        this.runAhead = runAhead;
        this.maxRows = maxRows;
        int slotCount = SampleAdmission.slots(maxRows, runAhead);
        slots = new SampleSlots(computes.vocabularySize(), slotCount);
        steps = new StepQueue(runAhead, maxRows);
        layout = new StepLayout(maxTokens, maxRows, computes.blockSize());
        int words = layout.blocks + 1 + maxRows * mostBlocks;
        places = new ByteBuffer[steps.inFlightSlots()];
        Arrays.setAll(places, i -> buffer(words));
        outputMemory = buffer(steps.inFlightSlots() * OutputSlots.words(maxRows));
        outputs = new OutputSlots(outputMemory, maxRows, computes.vocabularySize());
        tables = buffer(words).asIntBuffer();
        lastTokens = new int[slotCount];
        ended = new boolean[slotCount];
        rows = new SamplingRow[slotCount];
        stops = new BitSet[slotCount];
        counts = new boolean[slotCount];
        wait =
                new StepWait(
                        new StepWait.Device() {
                            @Override
                            public boolean hasWritten(QueuedStep step) {
                                return outputs.isThere(step);
                            }

                            @Override
                            public boolean isIdle() {
                                // First: work that fails between the two reads is seen below.
                                boolean idle = queued.get() == 0;
                                if (failure != null) {
                                    throw new InternalError(steps.toString(), failure);
                                }
                                return idle;
                            }
                        });
    }

    private static ByteBuffer buffer(int words) {
        return ByteBuffer.allocateDirect(words * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Rows that were computed as padding. */
    public int dropped() {
        return dropped;
    }

    /** Rows whose counts were made of the host's tokens. */
    public int recounted() {
        return recounted;
    }

    private void queue(Runnable work) {
        queued.incrementAndGet();
        stream.execute(
                () -> {
                    try {
                        if (failure == null) {
                            pause();
                            work.run();
                        }
                    } catch (Throwable t) {
                        failure = t;
                    } finally {
                        queued.decrementAndGet();
                    }
                });
    }

    /** Now and then the host gets ahead as far as it may. */
    private void pause() {
        if (pauses.nextInt(20) == 0) {
            LockSupport.parkNanos(200_000);
        }
    }

    @Override
    public void launch(StepBatch batch, StepOutput output) {
        wait.checkStopped();
        QueuedStep step = steps.next();
        step.plan(batch, slots);
        ByteBuffer place = places[step.inFlightSlot()];
        layout.write(batch, step, place.asIntBuffer());
        tell(step);
        queue(this::compute);
        step.output(output);
        Arrays.fill(output.tokenIds, 0, batch.samples(), POISON);
        for (int i = 0; i < step.sampled(); i++) {
            slots.queued(step.slot(i));
        }
        steps.launched();
    }

    /** What the upload ring carries: it keeps each piece until it is copied. */
    private void tell(QueuedStep step) {
        for (int i = 0; i < slots.given(); i++) {
            int slot = slots.given(i);
            ByteBuffer row = buffer(SampleRow.BYTES / Integer.BYTES);
            slots.write(slot, new SampleRow().begin(row, 0));
            int[] stopIds = new int[slots.stops(slot)];
            slots.writeStops(slot, IntBuffer.wrap(stopIds), 0);
            ByteBuffer edits = buffer(slots.edits(slot) * SampleEdit.BYTES / Integer.BYTES);
            for (int e = 0; e < slots.edits(slot); e++) {
                slots.writeEdit(slot, e, new SampleEdit().begin(edits, e * SampleEdit.BYTES));
            }
            queue(() -> begin(slot, row, stopIds, edits));
        }
        for (int i = 0; i < step.sampled(); i++) {
            int slot = step.slot(i);
            if (slots.isMiscounted(slot)) {
                SamplingRow row = slots.row(slot);
                int[] generated = Arrays.copyOf(row.generated, row.generatedCount);
                queue(() -> count(slot, row.prompt, generated));
                slots.recounted(slot);
            }
        }
    }

    /** sample_begin */
    private void begin(int slot, ByteBuffer row, int[] stopIds, ByteBuffer edits) {
        SamplingParameters p =
                SamplingParameters.builder()
                        .topP(row.getDouble(8))
                        .temperature(row.getFloat(20))
                        .topK(row.getInt(24))
                        .minP(row.getFloat(28))
                        .repetitionPenalty(row.getFloat(32))
                        .frequencyPenalty(row.getFloat(36))
                        .presencePenalty(row.getFloat(40))
                        .logprobs(row.getInt(48))
                        .build();
        int flags = row.getInt(44);
        rows[slot] =
                new SamplingRow(
                        p,
                        row.getLong(0),
                        row.getInt(16),
                        new int[] {POISON},
                        new int[0],
                        edits(row.getInt(52), edits));
        counts[slot] = (flags & SampleSlots.PENALTIES) != 0;
        if ((flags & SampleSlots.STOPS) != 0) {
            stops[slot] = new BitSet();
            Arrays.stream(stopIds).forEach(stops[slot]::set);
        } else {
            stops[slot] = null;
        }
        lastTokens[slot] = 0;
        ended[slot] = false;
    }

    private static LogitEdits edits(int count, ByteBuffer from) {
        int[] tokens = new int[count];
        float[] biases = new float[count];
        int[] untils = new int[count];
        for (int i = 0; i < count; i++) {
            tokens[i] = from.getInt(i * SampleEdit.BYTES);
            biases[i] = from.getFloat(i * SampleEdit.BYTES + 4);
            untils[i] = from.getInt(i * SampleEdit.BYTES + 8);
        }
        return new LogitEdits(tokens, biases, untils);
    }

    /** sample_admit: the counts are the row's tokens, those of the host thrown away. */
    private void count(int slot, int[] prompt, int[] generated) {
        SamplingRow old = rows[slot];
        rows[slot] =
                new SamplingRow(
                        old.parameters,
                        old.seed,
                        old.completion,
                        prompt.clone(),
                        new int[0],
                        old.edits);
        rows[slot].generated = generated.length == 0 ? new int[1] : generated;
        rows[slot].generatedCount = generated.length;
        recounted++;
    }

    /** resolve */
    private void resolve() {
        IntBuffer from = places[nextPlace].asIntBuffer();
        for (int i = 0; i < layout.blocks + from.get(0); i++) {
            tables.put(i, from.get(i));
        }
        for (int token = 0; token < tables.get(layout.header); token++) {
            int slot = StepBatch.LAST_SAMPLE - tables.get(layout.tokenIds + token);
            if (slot < 0) {
                continue;
            }
            if (ended[slot]) {
                tables.put(layout.positions + token, 0);
            }
            tables.put(layout.tokenIds + token, ended[slot] ? 0 : lastTokens[slot]);
        }
        for (int row = 0; row < tables.get(layout.header + 1); row++) {
            int slot = StepBatch.LAST_SAMPLE - tables.get(layout.lastSamples + row);
            if (slot >= 0 && ended[slot]) {
                tables.put(layout.rowTable + row, 0);
            }
        }
    }

    private void compute() {
        resolve();
        int rowCount = tables.get(layout.header + 1);
        StepBatch batch = new StepBatch(tables.get(layout.header), rowCount);
        int[] index = new int[rowCount];
        int sampled = 0;
        for (int row = 0; row < rowCount; row++) {
            int first = tables.get(layout.rowStart + row);
            int end = tables.get(layout.rowStart + row + 1);
            boolean draws =
                    sampled < tables.get(layout.header + 2)
                            && tables.get(layout.gather + sampled) == end - 1;
            int at = layout.blocks + tables.get(layout.rowTable + row);
            if (tables.get(at) == 0) {
                // Padding: two such rows write to one place, which a model of Java would mind.
                dropped++;
                sampled += draws ? 1 : 0;
                continue;
            }
            int last = tables.get(layout.positions + end - 1);
            int[] blocks = new int[last / computes.blockSize() + 1];
            tables.get(at, blocks);
            batch.blockTables[batch.rows] = blocks;
            for (int token = first; token < end; token++) {
                batch.tokenIds[batch.tokens] = tables.get(layout.tokenIds + token);
                batch.positions[batch.tokens++] = tables.get(layout.positions + token);
            }
            SamplingRow how = null;
            if (draws) {
                int slot = tables.get(layout.slots + sampled);
                how = rows[slot];
                how.position = tables.get(layout.slots + maxRows + sampled);
                index[batch.rows] = sampled++;
            }
            batch.sample(batch.rows, draws ? 1 : 0, how);
            batch.rowStart[++batch.rows] = batch.tokens;
        }
        StepOutput output = new StepOutput(Math.max(1, rowCount));
        if (batch.rows > 0) {
            computes.run(batch, output);
        }
        finish(batch, index, output);
    }

    /** sample_finish, sample_deliver */
    private void finish(StepBatch batch, int[] index, StepOutput output) {
        int place = tables.get(layout.sample + 4) * OutputSlots.words(maxRows) * Integer.BYTES;
        int ids = place + OutputSlots.HEADER * Integer.BYTES;
        for (int i = 0; i < tables.get(layout.sample); i++) {
            outputMemory.putInt(ids + i * Integer.BYTES, DROPPED);
        }
        for (int row = 0; row < batch.rows; row++) {
            if (batch.sampling[row] == null) {
                continue;
            }
            int slot = tables.get(layout.slots + index[row]);
            int token = output.tokenIds[batch.sampleStart[row]];
            if (ended[slot]) {
                throw new AssertionError("a row that has ended was computed");
            }
            outputMemory.putInt(ids + index[row] * Integer.BYTES, token);
            lastTokens[slot] = token;
            ended[slot] = token < 0 || stops[slot] != null && stops[slot].get(token);
            if (token >= 0 && counts[slot]) {
                append(rows[slot], token);
            }
        }
        for (int i = 0; i < tables.get(layout.sample + 2); i++) {
            int asked = tables.get(layout.slots + 3 * maxRows + i);
            for (int row = 0; row < batch.rows; row++) {
                if (batch.sampling[row] != null && index[row] == asked) {
                    deliver(output.logprobs[batch.sampleStart[row]], ids, asked);
                }
            }
        }
        nextPlace = tables.get(layout.sample + 5);
        // The number after all else, as seen by whoever sees the number.
        VarHandle.releaseFence();
        outputMemory.putInt(place, tables.get(layout.sample + 3));
    }

    private void deliver(TokenLogprobs logprobs, int ids, int index) {
        if (logprobs == null) {
            return;
        }
        int at = ids + (maxRows + index * SampleLaunches.LOGPROB_WORDS) * Integer.BYTES;
        outputMemory.putFloat(at, logprobs.logprob());
        for (int i = 0; i < logprobs.topIds().length; i++) {
            outputMemory.putFloat(at + 4 + 4 * i, logprobs.topLogprobs()[i]);
            outputMemory.putInt(at + 4 + 4 * (SampleLaunches.MAX_TOP + i), logprobs.topIds()[i]);
        }
    }

    private static void append(SamplingRow row, int token) {
        if (row.generatedCount == row.generated.length) {
            row.generated = Arrays.copyOf(row.generated, 2 * row.generatedCount);
        }
        row.generated[row.generatedCount++] = token;
    }

    @Override
    public void complete() {
        QueuedStep oldest = steps.oldest();
        wait.await(oldest);
        outputs.collect(oldest);
        for (int i = 0; i < oldest.sampled(); i++) {
            slots.completed(oldest.slot(i));
        }
        steps.completed();
    }

    @Override
    public void run(StepBatch batch, StepOutput output) {
        launch(batch, output);
        complete();
    }

    @Override
    public int runAhead() {
        return runAhead;
    }

    @Override
    public boolean stop() {
        wait.stop();
        return true;
    }

    @Override
    public int vocabularySize() {
        return computes.vocabularySize();
    }

    @Override
    public int kvBlocks() {
        return computes.kvBlocks();
    }

    @Override
    public int blockSize() {
        return computes.blockSize();
    }

    @Override
    public long kvBlockBytes() {
        return computes.kvBlockBytes();
    }

    @Override
    public String fingerprint() {
        return computes.fingerprint();
    }

    @Override
    public String device() {
        return computes.device();
    }

    @Override
    public void close() {
        stream.shutdown();
        computes.close();
    }
}
