package io.millrace.jobs.cli.config;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The configuration file of a command, which has {@link ConfiguredArguments}. */
public final class ConfigArgument {
    static final String NAME = "--config";

    @Option(
            names = NAME,
            paramLabel = "FILE",
            description =
                    "YAML file with options of this command, named as here without dashes"
                            + " (docs/config.md). An option on the command line wins over the file's.")
    Path file;
}
