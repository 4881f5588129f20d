package io.millrace.jobs.cli;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;

/** The option for the source of weights. */
public final class LoadFormatArgument {
    public LoadFormat loadFormat;

    @Mixin
    private final CommandSpec row =
            Arguments.row(
                    EngineOption.LOAD_FORMAT.setting(), value -> loadFormat = (LoadFormat) value);

    public boolean isDummy() {
        return loadFormat == LoadFormat.DUMMY;
    }

    /** Warns that answers are noise with dummy weights. */
    static void warn(LoadFormat loadFormat, Progress progress) {
        if (loadFormat == LoadFormat.DUMMY) {
            progress.line("Weights", "dummy: answers are noise");
        }
    }
}
