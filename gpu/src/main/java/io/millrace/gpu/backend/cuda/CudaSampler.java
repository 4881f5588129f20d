package io.millrace.gpu.backend.cuda;

import io.millrace.gpu.GenerationResult.TokenLogprobs;
import io.millrace.gpu.backend.SamplingRow;
import io.millrace.gpu.backend.StepBatch;
import io.millrace.gpu.backend.StepOutput;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws tokens from logits on the GPU, by the rule of {@code docs/numerics.md}, "Sampling": the
 * same tokens as on the CPU. Only ids, and log probabilities that were asked for, come back. Owns
 * each running row's parameters and counts on the device. Engine thread only.
 */
final class CudaSampler implements AutoCloseable {
    private static final int RING = 4;

    /** Least room for the tokens of rows whose counts are made anew. */
    private static final int LEAST_ADMITTED = 1 << 16;

    private final CudaContext context;
    private final KernelModules kernels;
    private final int vocabulary;
    private final int maxRows;
    private final SampleLaunches launches;
    private final SampleSlots slots;
    private final StepGraphs graphs;
    private final KernelParams params = new KernelParams();
    private final List<Runnable> closers = new ArrayList<>();

    /** Of SampleParams. */
    private final long[] pointers;

    private final DeviceMemory step;
    private final DeviceMemory rows;
    private final DeviceMemory counts;
    private final DeviceMemory ids;
    private final DeviceMemory logprobs;

    /** A step's tables, then new rows. */
    private final UploadRing uploads;

    private final PinnedMemory drawn;
    private final PinnedMemory drawnLogprobs;

    /** Which rows to count, then their tokens. */
    private final UploadRing admissions;

    private final DeviceMemory admitted;
    private final int mostAdmitted;

    /** Of the present step: slots of the sampled rows, in order. */
    private final int[] taken;

    private int sampled;
    private int general;
    private int asked;

    /**
     * @param logits (rows, {@link Numerics#pad} of the vocabulary)
     * @param maxRows most rows of a step
     * @param positions most tokens of a row
     */
    CudaSampler(
            CudaContext context,
            KernelModules kernels,
            DeviceMemory logits,
            int vocabulary,
            int maxRows,
            int positions)
            throws GpuException {
        if (vocabulary > 1 << SampleLaunches.TOKEN_BITS) {
            throw new GpuException(
                    "The model has %d tokens; on a GPU at most %d can be drawn from."
                            .formatted(vocabulary, 1 << SampleLaunches.TOKEN_BITS));
        }
        this.context = context;
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        this.maxRows = maxRows;
        launches = new SampleLaunches(vocabulary, maxRows, context.multiprocessors());
        slots = new SampleSlots(vocabulary, maxRows);
        taken = new int[maxRows];
        mostAdmitted = Math.max(LEAST_ADMITTED, positions);
        boolean opened = false;
        try {
            graphs = new StepGraphs(context);
            closers.add(graphs::close);
            int stepBytes = launches.stepWords() * Integer.BYTES;
            int rowBytes = maxRows * SampleLaunches.ROW_BYTES;
            int admitWords = SampleLaunches.ADMIT_WORDS * maxRows + mostAdmitted;
            step = allocate(stepBytes);
            rows = allocate(rowBytes);
            counts = allocate(maxRows * launches.countWords() * Integer.BYTES);
            ids = allocate((long) maxRows * Integer.BYTES);
            logprobs = allocate(logprobBytes(maxRows));
            admitted = allocate((long) admitWords * Integer.BYTES);
            pointers = pointers(logits);
            uploads = ring(RING, stepBytes + rowBytes);
            admissions = ring(2, admitWords * Integer.BYTES);
            drawn = pinned(maxRows * Integer.BYTES);
            drawnLogprobs = pinned(Math.toIntExact(logprobBytes(maxRows)));
            opened = true;
        } finally {
            if (!opened) {
                close();
            }
        }
    }

    /** Those of SampleParams, in its order. */
    private long[] pointers(DeviceMemory logits) throws GpuException {
        long each = maxRows;
        return new long[] {
            logits.address(),
            rows.address(),
            step.address(),
            counts.address(),
            allocate(each * launches.tiles() * SampleLaunches.TILE_BYTES).address(),
            allocate(each * SampleLaunches.BUCKETS * Integer.BYTES).address(),
            allocate(each * SampleLaunches.BUCKETS * Long.BYTES).address(),
            allocate(each * SampleLaunches.BOUND_BYTES).address(),
            allocate(each * Integer.BYTES).address(),
            allocate(each * SampleLaunches.LIST * Integer.BYTES).address(),
            allocate(each * launches.chunks() * SampleLaunches.PICK_BYTES).address(),
            ids.address(),
            logprobs.address()
        };
    }

    private static long logprobBytes(int rows) {
        return (long) rows * SampleLaunches.LOGPROB_WORDS * Integer.BYTES;
    }

    private DeviceMemory allocate(long bytes) throws GpuException {
        DeviceMemory memory =
                context.allocate(
                        "Sampling for %d rows of %d logits".formatted(maxRows, vocabulary),
                        bytes,
                        "lower --max-sequences");
        closers.add(memory::close);
        return memory;
    }

    private UploadRing ring(int slotCount, int bytes) {
        UploadRing ring = new UploadRing(context, slotCount, bytes);
        closers.add(ring::close);
        return ring;
    }

    private PinnedMemory pinned(int bytes) {
        PinnedMemory memory = new PinnedMemory(context, bytes);
        closers.add(memory::close);
        return memory;
    }

    /** Draws for all rows of a step that want it, and waits for the tokens. */
    void sample(StepBatch batch, StepOutput output) {
        upload(batch);
        if (sampled > 0) {
            // One graph for each kind of step: most need two of the kernels.
            graphs.run((general > 0 ? 1 : 0) + (asked > 0 ? 2 : 0), this::launch);
            ids.copyTo(drawn, 0, (long) sampled * Integer.BYTES);
            if (asked > 0) {
                logprobs.copyTo(drawnLogprobs, 0, logprobBytes(sampled));
            }
            context.synchronize(
                    "A step of %d tokens in %d rows".formatted(batch.tokens, batch.rows));
        }
        collect(batch, output);
    }

    /** Writes the step's tables, and what the device does not know yet of its rows. */
    private void upload(StepBatch batch) {
        sampled = 0;
        general = 0;
        asked = 0;
        slots.begin();
        PinnedMemory slot = uploads.next();
        ByteBuffer bytes = slot.buffer();
        IntBuffer words = bytes.asIntBuffer();
        int header = SampleLaunches.STEP_HEADER;
        for (int i = 0; i < batch.rows; i++) {
            SamplingRow row = batch.sampling[i];
            if (row == null) {
                continue;
            }
            int at = slots.take(row);
            taken[sampled] = at;
            words.put(header + sampled, at);
            words.put(header + maxRows + sampled, row.position);
            if (slots.isGeneral(at)) {
                words.put(header + 2 * maxRows + general++, sampled);
            }
            if (row.parameters.logprobs() >= 0) {
                words.put(header + 3 * maxRows + asked++, sampled);
            }
            sampled++;
        }
        words.put(0, sampled).put(1, general).put(2, asked).put(3, 0);
        int stepBytes = launches.stepWords() * Integer.BYTES;
        step.copyFrom(slot, 0, 0, stepBytes);
        int first = slots.firstNew();
        int last = slots.lastNew();
        if (first <= last) {
            int each = SampleLaunches.ROW_BYTES;
            for (int i = first; i <= last; i++) {
                if (slots.row(i) != null) {
                    slots.write(i, bytes, stepBytes + i * each);
                }
            }
            rows.copyFrom(
                    slot,
                    stepBytes + (long) first * each,
                    (long) first * each,
                    (last - first + 1L) * each);
        }
        uploads.queued();
        admit();
    }

    /** Makes counts anew where they are not those of the row's tokens. */
    private void admit() {
        int next = 0;
        while (next < sampled) {
            if (slots.isMiscounted(taken[next])) {
                next = admit(next);
            } else {
                next++;
            }
        }
    }

    /** As many at once as there is room for; gives the first row that was not looked at. */
    private int admit(int from) {
        PinnedMemory slot = admissions.next();
        IntBuffer words = slot.buffer().asIntBuffer();
        int table = SampleLaunches.ADMIT_WORDS * maxRows;
        int admittedRows = 0;
        int tokens = 0;
        int next = from;
        for (; next < sampled; next++) {
            int at = taken[next];
            if (!slots.isMiscounted(at)) {
                continue;
            }
            SamplingRow row = slots.row(at);
            int total = row.prompt.length + row.generatedCount;
            if (tokens + total > mostAdmitted) {
                break;
            }
            int word = SampleLaunches.ADMIT_WORDS * admittedRows++;
            words.put(word, at);
            words.put(word + 1, tokens);
            words.put(word + 2, row.prompt.length);
            words.put(word + 3, total);
            words.put(table + tokens, row.prompt);
            words.put(table + tokens + row.prompt.length, row.generated, 0, row.generatedCount);
            tokens += total;
            slots.recounted(at);
        }
        admitted.copyFrom(slot, 0, 0, (long) (table + tokens) * Integer.BYTES);
        admissions.queued();
        params.begin()
                .pointer(counts)
                .pointer(admitted)
                .pointer(admitted.address() + (long) table * Integer.BYTES)
                .word(vocabulary)
                .word(0);
        launch(SampleLaunches.admit(admittedRows));
        return next;
    }

    private void launch() {
        write(params, pointers, vocabulary, maxRows);
        launch(launches.scan());
        if (general > 0) {
            launch(launches.histogram());
            launch(launches.bound());
            launch(launches.split());
        }
        launch(launches.finish());
        if (asked > 0) {
            launch(launches.logprobs());
        }
    }

    /** SampleParams. */
    static void write(KernelParams to, long[] pointers, int vocabulary, int maxRows) {
        to.begin();
        for (long address : pointers) {
            to.pointer(address);
        }
        to.word(Numerics.pad(vocabulary)).word(vocabulary).word(maxRows).word(0);
    }

    private void launch(KernelLaunch launch) {
        kernels.kernel(launch.kernel())
                .launch(
                        "sample",
                        params,
                        launch.x(),
                        launch.y(),
                        launch.z(),
                        launch.threads(),
                        launch.sharedBytes(),
                        context.stream());
    }

    private void collect(StepBatch batch, StepOutput output) {
        IntBuffer tokens = drawn.buffer().asIntBuffer();
        int at = 0;
        for (int i = 0; i < batch.rows; i++) {
            output.logprobs[i] = null;
            if (batch.sampling[i] == null) {
                output.tokenIds[i] = StepOutput.NOT_SAMPLED;
                continue;
            }
            int token = tokens.get(at);
            output.tokenIds[i] = token;
            if (token >= 0) {
                slots.drawn(taken[at]);
                int top = batch.sampling[i].parameters.logprobs();
                if (top >= 0) {
                    output.logprobs[i] = logprobs(at, token, Math.min(top, vocabulary));
                }
            }
            at++;
        }
    }

    private TokenLogprobs logprobs(int index, int token, int top) {
        int from = index * SampleLaunches.LOGPROB_WORDS;
        float[] values = new float[top];
        int[] topIds = new int[top];
        drawnLogprobs.buffer().asFloatBuffer().get(from + 1, values);
        drawnLogprobs.buffer().asIntBuffer().get(from + 1 + SampleLaunches.MAX_TOP, topIds);
        float own = drawnLogprobs.buffer().getFloat(from * Float.BYTES);
        return new TokenLogprobs(token, own, topIds, values);
    }

    @Override
    public void close() {
        for (int i = closers.size() - 1; i >= 0; i--) {
            closers.get(i).run();
        }
        closers.clear();
    }
}
