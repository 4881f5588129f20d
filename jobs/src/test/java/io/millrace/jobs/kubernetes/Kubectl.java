package io.millrace.jobs.kubernetes;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;

/**
 * A {@code kubectl} whose kustomize is 5 or later: {@code -Dmillrace.kubectl}, or that of the
 * {@code PATH}.
 */
record Kubectl(String program) {
    private static final Pattern VERSION = Pattern.compile("Kustomize Version: v(\\d+)\\.");

    /** Leaves the test out where there is none, unless {@code CI} is set. */
    static Kubectl find() throws InterruptedException {
        String program = System.getProperty("millrace.kubectl", "kubectl");
        String missing;
        try {
            String told = run(List.of(program, "version", "--client"));
            Matcher version = VERSION.matcher(told);
            if (version.find() && Integer.parseInt(version.group(1)) >= 5) {
                return new Kubectl(program);
            }
            missing = program + " has no kustomize 5 or later: " + told.strip();
        } catch (IOException e) {
            missing = "There is no kubectl: " + e.getMessage();
        }
        unavailable(
                missing
                        + "; put one of 1.27 or later on the PATH, or name it with -Dmillrace.kubectl");
        throw new AssertionError(missing);
    }

    /** Leaves the test out, unless {@code CI} is set. */
    static void unavailable(String why) {
        if (System.getenv("CI") != null) {
            throw new AssertionError(why);
        }
        Assumptions.abort(why);
    }

    String kustomize(Path folder) throws IOException, InterruptedException {
        return run(List.of(program, "kustomize", folder.toString()));
    }

    /** What the program prints; an error if it fails. */
    static String run(List<String> command) throws IOException, InterruptedException {
        Path errors = Files.createTempFile("millrace-", ".err");
        Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
        process.getOutputStream().close();
        String printed =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String failed = Files.readString(errors);
        Files.delete(errors);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + ": " + failed);
        }
        return printed;
    }
}
