package io.millrace.jobs.bench.result;

import io.millrace.jobs.cli.Version;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The origin of a figure.
 *
 * @param device machine and Java
 * @param driver the GPU's driver; null without a GPU
 * @param commit revision of the sources, in a release as its file {@code RELEASE} says, or the
 *     version without either
 */
public record BenchOrigin(String device, String driver, String commit) {
    private static final int GIT_SECONDS = 10;

    /** This machine, and the sources below {@code home}. */
    public static BenchOrigin of(Path home) throws InterruptedException {
        String device =
                "%s, %d cores, Java %s"
                        .formatted(
                                processor(),
                                Runtime.getRuntime().availableProcessors(),
                                System.getProperty("java.version"));
        return new BenchOrigin(device, null, commit(home));
    }

    /** The same, for a run on another device than the machine's processor. */
    public BenchOrigin on(String gpu) {
        return new BenchOrigin(gpu + ", " + device, driverVersion(), commit);
    }

    /** The device, and the driver if there is one. */
    public String machine() {
        return driver == null ? device : device + ", driver " + driver;
    }

    /** Version of the GPU's kernel module, which needs no library to read. */
    private static String driverVersion() {
        try {
            Matcher version =
                    Pattern.compile("\\d+\\.\\d+(\\.\\d+)?")
                            .matcher(Files.readString(Path.of("/proc/driver/nvidia/version")));
            return version.find() ? version.group() : null;
        } catch (IOException e) {
            return null;
        }
    }

    private static String processor() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException e) {
            // Not Linux.
            return System.getProperty("os.arch");
        }
    }

    private static String commit(Path home) throws InterruptedException {
        Properties release = new Properties();
        try (Reader in = Files.newBufferedReader(home.resolve("RELEASE"))) {
            release.load(in);
            return release.getProperty("commit");
        } catch (IOException e) {
            // A checkout has no such file.
        }
        // A repository of a parent folder is another project's.
        if (Files.exists(home.resolve(".git"))) {
            try {
                String commit = git(home, "rev-parse", "--short=12", "HEAD");
                // Figures and their pages change with each run, and are no code.
                String changed =
                        git(
                                home,
                                "status",
                                "--porcelain",
                                "--untracked-files=no",
                                "--",
                                ".",
                                ":!docs",
                                ":!README.md");
                return changed.isEmpty() ? commit : commit + "-dirty";
            } catch (IOException e) {
                // Without git, the version is used.
            }
        }
        return new Version().getVersion()[0];
    }

    private static String git(Path home, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("git", "-C", home.toString()));
        command.addAll(List.of(arguments));
        Process git =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (InputStream out = git.getInputStream()) {
            String text = new String(out.readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!git.waitFor(GIT_SECONDS, TimeUnit.SECONDS) || git.exitValue() != 0) {
                throw new IOException("git " + arguments[0] + " failed.");
            }
            return text;
        } finally {
            git.destroy();
        }
    }
}
