package io.millrace.jobs;

import picocli.CommandLine.Option;

/** The option that every command has besides help and version. */
final class VerboseArgument {
    @Option(
            names = {"-v", "--verbose"},
            description = "Shows the stack trace of a failure.")
    boolean verbose;
}
