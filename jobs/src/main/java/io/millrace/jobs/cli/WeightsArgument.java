package io.millrace.jobs.cli;

import io.millrace.gpu.api.EngineOptions.Weights;
import picocli.CommandLine.Option;

/** In which number format weights are computed with. */
public final class WeightsArgument {
    @Option(
            names = "--weights",
            paramLabel = "model|int8",
            defaultValue = "model",
            description =
                    "Number format of the weights: as the model has them, or int8, one byte a"
                            + " weight, rounded as they are loaded: half the memory, faster for one"
                            + " sequence at a time, other answers. On the CPU only.")
    public Weights weights;
}
