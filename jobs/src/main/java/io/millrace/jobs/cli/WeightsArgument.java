package io.millrace.jobs.cli;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions.Weights;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;

/** The option for the number format of weights in computations. */
public final class WeightsArgument {
    public Weights weights;

    @Mixin
    private final CommandSpec row =
            Arguments.row(EngineOption.WEIGHTS.setting(), value -> weights = (Weights) value);
}
