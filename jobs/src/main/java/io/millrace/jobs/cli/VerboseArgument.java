package io.millrace.jobs.cli;

import picocli.CommandLine.Option;

/** The option of every command other than help and version. */
public final class VerboseArgument {
    @Option(
            names = {"-v", "--verbose"},
            description = "Shows the stack trace of a failure.")
    boolean verbose;
}
