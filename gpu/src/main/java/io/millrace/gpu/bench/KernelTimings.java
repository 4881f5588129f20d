package io.millrace.gpu.bench;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.KernelTiming;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.device.cuda.timing.KernelTimer;
import io.millrace.gpu.engine.EngineAssembly;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.util.List;

/**
 * Times of a model's ops on a GPU: of each op alone, and of all ops of a step.
 *
 * @param device display name of the GPU
 * @param all the times, in the order of steps, then of ops
 */
public record KernelTimings(String device, List<KernelTiming> all) {

    public KernelTimings {
        all = List.copyOf(all);
    }

    /**
     * Whether the options' device is a GPU, so that there are kernels to time.
     *
     * @throws IOException options that cannot be honoured, or a GPU that is chosen and cannot be
     *     used; the message is one sentence for the user
     */
    public static boolean arePossible(EngineOptions options) throws IOException {
        EngineAssembly.check(options);
        if (!EngineAssembly.onGpu(options)) {
            return false;
        }
        String reason = CudaModelRunner.reasonAgainst(options.gpu());
        if (reason != null) {
            throw new IOException(reason);
        }
        return true;
    }

    /**
     * Loads the model and times its ops, in steps of sizes that {@link KernelTimer} chooses;
     * lengths and sizes in the options are not used. Results are checked first.
     *
     * @param repeats number of times that each op is timed; the median is reported
     * @throws IOException a model or a GPU that cannot be used; the message is one sentence for the
     *     user
     * @throws IllegalStateException the kernels' results are wrong
     */
    public static KernelTimings measure(EngineOptions options, int repeats, LoadProgress progress)
            throws IOException {
        EngineAssembly.check(options);
        ModelFolder folder = ModelFolder.open(options);
        try (KernelTimer timer = KernelTimer.open(folder, options, progress)) {
            return new KernelTimings(timer.device(), timer.time(repeats));
        }
    }
}
