package io.millrace.jobs;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a command of the command line printed in this JVM, and how it ended.
 *
 * @param all standard output, then standard error
 */
public record TestingCommand(int exitCode, String all) {

    /** Runs a command to its end. */
    public static TestingCommand run(List<String> arguments) {
        StringWriter err = new StringWriter();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrintStream before = System.out;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        int code;
        try {
            code =
                    Millrace.commandLine(null)
                            .setErr(new PrintWriter(err, true))
                            .execute(arguments.toArray(String[]::new));
        } finally {
            System.setOut(before);
        }
        return new TestingCommand(code, out.toString(StandardCharsets.UTF_8) + err);
    }

    /** The lines of all of it. */
    public List<String> lines() {
        return all.lines().toList();
    }
}
