package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Launches;
import io.millrace.gpu.device.cuda.kernel.OpParams;
import io.millrace.gpu.device.cuda.step.StepTables;
import io.millrace.gpu.program.StepBatch;

/** Brings a step's tables to the device as the first kernel of a step does. */
final class TestingTables {
    private TestingTables() {}

    /** Begins a step of the sampler, and tells the device of it. */
    static void bring(
            StepBatch batch,
            StepTables tables,
            CudaSampler sampler,
            KernelModules kernels,
            CudaContext context) {
        tables.write(batch, sampler.begin(batch));
        sampler.admit();
        AttentionShape none = new AttentionShape(1, 1, 1, 64);
        OpParams params =
                new OpParams(
                        new OpParams.Fixed(tables.addresses(), none, 8, null, null, null, null));
        CudaSampler.launch(
                kernels,
                Launches.resolve(),
                params.resolve(sampler.state(), tables.staging(), batch.tokens, false),
                context);
    }
}
