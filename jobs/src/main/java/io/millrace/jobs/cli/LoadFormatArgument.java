package io.millrace.jobs.cli;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;

/** Where weights come from. */
public final class LoadFormatArgument {
    public LoadFormat loadFormat;

    @Mixin
    private final CommandSpec row =
            Arguments.row(
                    EngineOption.LOAD_FORMAT.setting(), value -> loadFormat = (LoadFormat) value);

    public boolean isDummy() {
        return loadFormat == LoadFormat.DUMMY;
    }

    /** Tells what answers are worth, where somebody may take them for answers. */
    static void warn(LoadFormat loadFormat, Progress progress) {
        if (loadFormat == LoadFormat.DUMMY) {
            progress.line("Weights", "dummy: answers are noise");
        }
    }
}
