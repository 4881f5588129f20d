package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Law 1 over restarts: a JVM that was killed starts again cold, perhaps on another machine or JDK,
 * and its logits have the same bits.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BitsAcrossJvmsTest {
    /**
     * The workload's digests under the numerics named cpu-f32-1. Whoever has to change one changes
     * every answer: give {@link CpuModelRunner#fingerprint} a new number with it. The last two are
     * of the first and the third model under int8-1.
     */
    private static final List<String> DIGESTS =
            List.of(
                    "608a3fd6393f37ee0c41f629491f5a268ff8dad5bfc3a4527f64b7571023a6a1",
                    "607039b6625b80b0de8fd78535de9ca308d76ce9ff9930397caecab74986ffd4",
                    "1fddc8d8415bcee4a3a99766711fa48f07de713ad0f7c38b1b1ffcbc9ae1e65c",
                    "d70fedb3440cba289a40f85db570b656f665f79aed2562fc644f4287468d68f5",
                    "82c67bc2f4d6f4d6b38a91df46e8019a4555f0806d4cef46e063599239895fb4");

    private static final int TIMEOUT_SECONDS = 120;

    @TempDir static Path dir;

    private List<LogitDigest.Model> models;

    @BeforeAll
    void writeModels() {
        Path biases = tiny(TinyModels.qwen2().heads(2, 1, 8), "biases");
        Path window = tiny(TinyModels.mistral(7).heads(2, 1, 8), "window");
        Path gelu = tiny(TinyModels.gpt2().heads(3, 3, 8), "gelu");
        models =
                List.of(
                        new LogitDigest.Model(biases, Weights.MODEL),
                        new LogitDigest.Model(window, Weights.MODEL),
                        new LogitDigest.Model(gelu, Weights.MODEL),
                        new LogitDigest.Model(biases, Weights.INT8),
                        new LogitDigest.Model(gelu, Weights.INT8));
    }

    private static Path tiny(TinyModels model, String name) {
        return model.hidden(24)
                .layers(1)
                .intermediate(17)
                .vocabulary(290)
                .dtype(DType.BF16)
                .write(dir.resolve(name));
    }

    private final List<Process> running = new ArrayList<>();

    @AfterAll
    void endProcesses() {
        running.forEach(Process::destroyForcibly);
    }

    @Test
    void thisJvmGivesTheDigestsOfItsFingerprint() throws IOException {
        List<String> digests = new ArrayList<>();
        for (LogitDigest.Model model : models) {
            digests.add(LogitDigest.digest(model, 2));
        }
        assertThat(digests).isEqualTo(DIGESTS);
    }

    private static Stream<String> modes() {
        Stream<String> all = Stream.of("-Xint", "-XX:TieredStopAtLevel=1", "hot");
        return System.getProperty("os.arch").equals("amd64")
                ? Stream.concat(all, Stream.of("-XX:UseAVX=2", "-XX:UseAVX=1", "-XX:UseAVX=0"))
                : all;
    }

    @ParameterizedTest
    @MethodSource("modes")
    void jdk17GivesTheSameBits(String mode) throws Exception {
        assertSameBits(17, mode);
    }

    @ParameterizedTest
    @MethodSource("modes")
    void jdk25GivesTheSameBits(String mode) throws Exception {
        assertSameBits(25, mode);
    }

    private void assertSameBits(int feature, String mode) throws Exception {
        Path home = jdk(feature);
        boolean hot = mode.equals("hot");
        List<String> command = new ArrayList<>();
        command.add(home.resolve("bin").resolve("java").toString());
        if (!hot) {
            command.add(mode);
        }
        command.addAll(
                List.of(
                        "--add-modules=jdk.incubator.vector",
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        LogitDigest.class.getName(),
                        hot ? "200" : "1"));
        models.forEach(
                model ->
                        command.addAll(List.of(model.folder().toString(), model.weights().name())));
        File errors = Files.createTempFile(dir, "fork", ".err").toFile();
        File output = Files.createTempFile(dir, "fork", ".out").toFile();
        Process fork =
                new ProcessBuilder(command).redirectError(errors).redirectOutput(output).start();
        running.add(fork);
        assertThat(fork.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS))
                .as("a JVM with %s ends within %d s", mode, TIMEOUT_SECONDS)
                .isTrue();
        assertThat(Files.readAllLines(output.toPath())).as(() -> read(errors)).isEqualTo(DIGESTS);
    }

    private static String read(File file) {
        try {
            return Files.readString(file.toPath());
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** A JDK of that release: this one, or one that is installed beside it. */
    private static Path jdk(int feature) throws IOException {
        Path own = Path.of(System.getProperty("java.home"));
        if (Runtime.version().feature() == feature) {
            return own;
        }
        // JAVA_VERSION="25" on its first day, "25.0.1" later.
        Pattern version = Pattern.compile("JAVA_VERSION=\"" + feature + "[.\"]");
        try (Stream<Path> siblings = Files.list(own.getParent())) {
            for (Path home : (Iterable<Path>) siblings::iterator) {
                Path release = home.resolve("release");
                if (Files.isRegularFile(release)
                        && version.matcher(Files.readString(release)).find()) {
                    return home;
                }
            }
        }
        String reason = "No JDK %d beside %s: its bits were not compared.".formatted(feature, own);
        System.out.println(reason);
        Assumptions.abort(reason);
        return own;
    }
}
