package io.millrace.gpu.device.cuda;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.OpParams;
import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.step.OutputSlots;
import io.millrace.gpu.device.cuda.step.QueuedStep;
import io.millrace.gpu.device.cuda.step.SampleSlots;
import io.millrace.gpu.device.cuda.step.StepQueue;
import io.millrace.gpu.device.cuda.step.StepWait;
import io.millrace.gpu.device.cuda.struct.KernelParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.LastStep;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.DeliverParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.HeadParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.HeadTile;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.PickParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleBound;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SamplePick;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleTile;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * Samples tokens from logits on the GPU, by the rule of {@code docs/numerics.md}, "Sampling": the
 * same tokens as on the CPU. Only ids and requested log probabilities are copied to the host, which
 * need not read them before it queues the next step. Engine thread only.
 *
 * <pre>
 * begin     takes sampling slots: the step's tables can be written
 * admit     initializes the slots of new rows
 *           (here the step's logits are computed)
 * sample    samples; the device writes ids into host memory
 * queued    notes that all of the step is queued
 * complete  waits for the oldest queued step
 * </pre>
 */
public final class CudaSampler implements AutoCloseable, StepWait.Device {
    /** Choices of kernels for a step without samples, and for one whose head has sampled. */
    private static final int NOTHING_SAMPLED = 4;

    private static final int PICKED = 5;

    private final CudaContext context;
    private final KernelModules kernels;
    private final int vocabulary;
    private final int maxRows;
    private final SampleLaunches launches;
    private final SampleSlots slots;
    private final StepQueue steps;
    private final StepWait wait = new StepWait(this);
    private final Scope scope = new Scope();
    private final List<DeviceMemory> scratch = new ArrayList<>();
    private final SampleAdmission admission;
    private final SampleMasks masks;

    private final SampleParams sampleParams = new SampleParams();
    private final PickParams pickParams = new PickParams();
    private final HeadParams headParams = new HeadParams();
    private final DeliverParams deliverParams = new DeliverParams();

    /** Start of the present step; from {@link #last} on, the LastStep. */
    private final DeviceMemory began;

    private final OutputSlots outputs;

    /** The step that is being queued. */
    private QueuedStep step;

    /**
     * @param logits (rows, {@link Numerics#pad} of the vocabulary)
     * @param tables {@code StepTables.sampleAddress}
     * @param maxRows maximum rows of a step
     * @param positions maximum tokens of a row
     * @param runAhead steps that may be in flight when another is launched
     */
    CudaSampler(
            CudaContext context,
            KernelModules kernels,
            DeviceMemory logits,
            long tables,
            int vocabulary,
            int maxRows,
            int positions,
            int runAhead)
            throws GpuException {
        if (vocabulary > 1 << SampleLaunches.TOKEN_BITS) {
            throw new GpuException(
                    "The model has %d tokens; a GPU can sample from at most %d."
                            .formatted(vocabulary, 1 << SampleLaunches.TOKEN_BITS));
        }
        this.context = context;
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        this.maxRows = maxRows;
        launches = new SampleLaunches(vocabulary, maxRows, context.multiprocessors());
        slots = new SampleSlots(vocabulary, SampleAdmission.slots(maxRows, runAhead));
        steps = new StepQueue(runAhead, maxRows);
        try {
            admission =
                    scope.add(
                            new SampleAdmission(
                                    context,
                                    kernels,
                                    launches,
                                    vocabulary,
                                    maxRows,
                                    positions,
                                    runAhead));
            masks = scope.add(new SampleMasks(context, kernels, launches, logits, vocabulary));
            began = scope.add(allocate(context, maxRows, vocabulary, 2 * LastStep.BYTES));
            DeviceMemory ids = allocate((long) maxRows * Integer.BYTES);
            DeviceMemory logprobs =
                    allocate((long) maxRows * SampleLaunches.LOGPROB_WORDS * Integer.BYTES);
            fill(sampleParams.begin(), logits, tables, ids, logprobs);
            fillHead(tables);
            PinnedMemory memory =
                    scope.add(
                            new PinnedMemory(
                                    context,
                                    Math.toIntExact(
                                            (long) steps.inFlightSlots()
                                                    * OutputSlots.words(maxRows)
                                                    * Integer.BYTES)));
            outputs = new OutputSlots(memory.buffer(), maxRows, vocabulary);
            deliverParams
                    .begin()
                    .step(tables)
                    .ids(ids)
                    .logprobs(logprobs)
                    .began(began)
                    .outputs(memory.address())
                    .last(last())
                    .maxRows(maxRows)
                    .outputWords(OutputSlots.words(maxRows));
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
    }

    private void fill(
            SampleParams to,
            DeviceMemory logits,
            long tables,
            DeviceMemory ids,
            DeviceMemory logprobs)
            throws GpuException {
        long each = maxRows;
        // Not part of scratch(): atomics order the lists, differently in every run.
        DeviceMemory lists =
                scope.add(
                        allocate(
                                context,
                                maxRows,
                                vocabulary,
                                each * SampleLaunches.LIST * Integer.BYTES));
        to.logits(logits)
                .rows(admission.rows())
                .step(tables)
                .counts(admission.counts())
                .tiles(allocate(each * launches.tiles() * SampleTile.BYTES))
                .bucketCounts(allocate(each * SampleLaunches.BUCKETS * Integer.BYTES))
                .bucketMasses(allocate(each * SampleLaunches.BUCKETS * Long.BYTES))
                .bounds(allocate(each * SampleBound.BYTES))
                .listSizes(allocate(each * Integer.BYTES))
                .lists(lists)
                .picks(allocate(each * launches.chunks() * SamplePick.BYTES))
                .ids(ids)
                .logprobs(logprobs)
                .lastTokens(admission.lastTokens())
                .ended(admission.ended())
                .stops(admission.stops())
                .edits(admission.edits())
                .stride(Numerics.pad(vocabulary))
                .vocabulary(vocabulary)
                .maxRows(maxRows)
                .maxEdits(admission.maxEdits());
    }

    /** Sets the parameters of a head that samples, and of the kernel after it. */
    private void fillHead(long tables) throws GpuException {
        long tiles = (long) maxRows * launches.headTiles();
        DeviceMemory headTiles = allocate(tiles * HeadTile.BYTES);
        DeviceMemory headCandidates = allocate(tiles * SamplePick.BYTES);
        pickParams.begin().tiles(headTiles).candidates(headCandidates);
        pickParams.sample.copy(sampleParams);
        headParams
                .begin()
                .rows(admission.rows())
                .sample(tables)
                .tiles(headTiles)
                .candidates(headCandidates)
                .maxRows(maxRows);
    }

    private DeviceMemory allocate(long bytes) throws GpuException {
        DeviceMemory memory = scope.add(allocate(context, maxRows, vocabulary, bytes));
        scratch.add(memory);
        return memory;
    }

    static DeviceMemory allocate(CudaContext context, int maxRows, int vocabulary, long bytes)
            throws GpuException {
        return context.allocate(
                "Sampling for %d rows of %d logits".formatted(maxRows, vocabulary),
                bytes,
                "lower --max-sequences");
    }

    /** Memory that the sampling kernels write, with the same bytes in every run. */
    List<DeviceMemory> scratch() {
        return scratch;
    }

    /** Inputs of a step's first kernel. */
    OpParams.SamplerState state() {
        return new OpParams.SamplerState(
                admission.lastTokens(), admission.ended(), began.address(), last());
    }

    private long last() {
        return began.address() + LastStep.BYTES;
    }

    /** Begins the next step: takes its slots, queues nothing. */
    QueuedStep begin(StepBatch batch) {
        wait.checkStopped();
        step = steps.next();
        step.plan(batch, slots);
        return step;
    }

    /** Whether all rows of the step take the fast path, so that its head can sample. */
    boolean takesFastPath() {
        return step.takesFastPath();
    }

    /** Parameters of a head that samples; its {@code matmul} must be set. */
    HeadParams head() {
        return headParams;
    }

    /** Queues the initialization of new rows, before the step. */
    void admit() {
        admission.admit(step, slots);
    }

    /**
     * Which kernels sample the step's rows, a number below {@link SampleLaunches#KINDS}: most steps
     * need three.
     *
     * @param fromHead whether the step's head samples, so that there are no logits
     */
    int kind(boolean fromHead) {
        if (step.sampled() == 0) {
            return NOTHING_SAMPLED;
        }
        return fromHead
                ? PICKED
                : (step.filtered() > 0 ? 1 : 0) + (step.withLogprobs() > 0 ? 2 : 0);
    }

    /** Whether rows of the step have masks: their count is in no graph. */
    boolean isMasked() {
        return step.masked() > 0;
    }

    /** Queues the kernels that sample the step's rows, and the one that delivers the samples. */
    void sample(boolean fromHead) {
        switch (kind(fromHead)) {
            case NOTHING_SAMPLED -> {}
            case PICKED -> launch(launches.pick(), pickParams);
            default -> {
                masks.queue(step, slots);
                launchSampling();
            }
        }
        launch(SampleLaunches.deliver(), deliverParams);
    }

    /** Notes that all of the step is queued; {@code output} is filled when it is completed. */
    void queued(StepOutput output) {
        step.output(output);
        for (int i = 0; i < step.sampled(); i++) {
            slots.queued(step.slot(i));
        }
        steps.launched();
    }

    private void launchSampling() {
        launch(launches.scan(), sampleParams);
        if (step.filtered() > 0) {
            launch(launches.histogram(), sampleParams);
            launch(launches.bound(), sampleParams);
            launch(launches.split(), sampleParams);
        }
        launch(launches.finish(), sampleParams);
        if (step.withLogprobs() > 0) {
            launch(launches.logprobs(), sampleParams);
        }
    }

    private void launch(KernelLaunch launch, KernelParams params) {
        launch(kernels, launch, params, context);
    }

    static void launch(
            KernelModules kernels, KernelLaunch launch, KernelParams params, CudaContext context) {
        kernels.kernel(launch.kernel()).launch("sample", params, launch, context.queue());
    }

    /** Waits for the oldest queued step, and fills its output. */
    void complete() {
        QueuedStep oldest = steps.oldest();
        wait.await(oldest);
        outputs.collect(oldest);
        for (int i = 0; i < oldest.sampled(); i++) {
            slots.completed(oldest.slot(i));
        }
        steps.completed();
    }

    @Override
    public boolean hasWritten(QueuedStep queued) {
        return outputs.isThere(queued);
    }

    @Override
    public boolean isIdle() {
        int result = JCudaDriver.cuStreamQuery(context.stream());
        if (result == CUresult.CUDA_ERROR_NOT_READY) {
            return false;
        }
        if (result != CUresult.CUDA_SUCCESS) {
            check(result, steps.toString());
        }
        return true;
    }

    /** Ends the wait for a step with an exception. Any thread. */
    void stop() {
        wait.stop();
    }

    /** Display text: the steps in flight, and the one that is being queued. */
    String suspects() {
        return "In flight was %s; being queued was %s."
                .formatted(steps, step == null ? "no step" : step);
    }

    /** {@link OutputSlots#gapNanos}. */
    long gapNanos() {
        return outputs.gapNanos();
    }

    @Override
    public void close() {
        scope.close();
    }
}
