package io.millrace.jobs.cli;

import io.millrace.gpu.api.EngineOptions.LoadFormat;
import picocli.CommandLine.Option;

/** Where weights come from. */
public final class LoadFormatArgument {
    @Option(
            names = "--load-format",
            paramLabel = "auto|dummy",
            defaultValue = "auto",
            description =
                    "Where weights come from: auto reads those in the model's folder; dummy needs"
                            + " none and makes noise in the shapes of config.json, the same each"
                            + " time: to measure a model that is not there. Answers are noise, too.")
    public LoadFormat loadFormat;

    public boolean isDummy() {
        return loadFormat == LoadFormat.DUMMY;
    }

    /** Tells what answers are worth, where somebody may take them for answers. */
    public void warn(Progress progress) {
        if (isDummy()) {
            progress.line("Weights", "dummy: answers are noise");
        }
    }
}
