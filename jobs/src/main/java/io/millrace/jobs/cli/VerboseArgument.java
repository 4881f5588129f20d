package io.millrace.jobs.cli;

import picocli.CommandLine.Option;

/** The option that every command has besides help and version. */
public final class VerboseArgument {
    @Option(
            names = {"-v", "--verbose"},
            description = "Shows the stack trace of a failure.")
    boolean verbose;
}
