package io.millrace.jobs.chaos.cluster;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The built files of the processes.
 *
 * @param home the root of a release or of a built checkout
 * @param jobJar the jar that Flink's client submits
 */
public record Installation(Path home, Path jobJar) {

    /** Finds the job jar; fails if it is not built. */
    public static Installation in(Path anyHome) throws IOException {
        // Absolute, as the processes run in other folders.
        Path home = anyHome.toRealPath();
        Path dist = home.resolve("dist");
        for (Path needed : List.of(dist.resolve("lib"), dist.resolve("embedded"))) {
            if (!Files.isDirectory(needed)) {
                throw new IOException(
                        "There is no " + needed + ": build first (mvn -Pfast package).");
            }
        }
        try (Stream<Path> files = Files.list(dist)) {
            return files.filter(
                            file -> file.getFileName().toString().matches("millrace-jobs-.*\\.jar"))
                    .findFirst()
                    .map(jar -> new Installation(home, jar))
                    .orElseThrow(
                            () ->
                                    new IOException(
                                            "There is no job jar in "
                                                    + dist
                                                    + ": build first (mvn -Pfast package)."));
        }
    }

    Path model() {
        return home.resolve("models").resolve("triage");
    }

    Path flinkSettings() {
        return home.resolve("flink-conf");
    }

    /** Class path of Flink with our lib folder, as on a cluster, without the job's classes. */
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
