package io.millrace.jobs.chaos.cluster;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The built files that processes are started from.
 *
 * @param home the repository's root
 * @param jobJar what Flink's client submits
 */
public record Installation(Path home, Path jobJar) {

    /** Finds the job jar, and refuses a tree that is not built. */
    public static Installation in(Path anyHome) throws IOException {
        // The processes run elsewhere.
        Path home = anyHome.toRealPath();
        Path target = home.resolve("jobs").resolve("target");
        for (Path needed :
                List.of(target, home.resolve("dist/lib"), home.resolve("dist/embedded"))) {
            if (!Files.isDirectory(needed)) {
                throw new IOException(
                        "There is no " + needed + ": build first (mvn -Pfast package).");
            }
        }
        try (Stream<Path> files = Files.list(target)) {
            return files.filter(
                            file -> file.getFileName().toString().matches("millrace-jobs-.*\\.jar"))
                    .findFirst()
                    .map(jar -> new Installation(home, jar))
                    .orElseThrow(
                            () ->
                                    new IOException(
                                            "There is no job jar in "
                                                    + target
                                                    + ": build first (mvn -Pfast package)."));
        }
    }

    Path model() {
        return home.resolve("models").resolve("triage");
    }

    Path flinkSettings() {
        return home.resolve("flink-conf");
    }

    /** Flink with our lib folder, as on a cluster: the job's classes come with the job. */
    String flinkClassPath() {
        return home.resolve("dist/embedded")
                + "/*"
                + File.pathSeparator
                + home.resolve("dist/lib")
                + "/*";
    }

    /** The same with the job's classes. */
    String wholeClassPath() {
        return jobJar + File.pathSeparator + flinkClassPath();
    }
}
