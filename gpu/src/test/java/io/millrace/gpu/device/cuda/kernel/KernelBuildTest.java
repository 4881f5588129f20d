package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script that compiles kernels, with a compiler that only notes what it was asked for. */
class KernelBuildTest {
    private static final Path SCRIPT = Path.of("src", "main", "cuda", "build.sh");

    /** Gives every kernel as many registers as its source's last line says. */
    private static final String NVCC =
            """
            #!/usr/bin/env bash
            if [ "$1" = --version ]; then echo "Build testing"; exit; fi
            while [ $# -gt 1 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
            if grep -q WRONG "$1"; then echo "$1(1): error: it is wrong"; exit 2; fi
            basename "$1" >> "$(dirname "$0")/compiled"
            cat "$1" > "$out"
            for kernel in $(sed -n 's/^kernel //p' "$1"); do
                echo "ptxas info    : Compiling entry function '$kernel' for 'sm_90a'"
                echo "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"
                echo "ptxas info    : $(tail -1 "$1")"
            done
            """;

    @TempDir Path dir;
    private Path source;
    private Path out;
    private String nvcc;

    @BeforeEach
    void copyScript() throws IOException {
        source = Files.createDirectories(dir.resolve("cuda"));
        out = dir.resolve("out");
        Files.createDirectories(source.resolve("include"));
        Files.copy(SCRIPT, source.resolve("build.sh"));
        Path compiler = Files.writeString(dir.resolve("nvcc"), NVCC);
        assertThat(compiler.toFile().setExecutable(true)).isTrue();
        nvcc = compiler.toString();
        Files.writeString(source.resolve("include/inner.cuh"), "inner 1\n");
        Files.writeString(source.resolve("include/outer.cuh"), "#include \"inner.cuh\"\n");
        kernel(
                "gemm",
                "#include \"outer.cuh\"\nkernel gemm_bf16\nkernel gemm_f16\nUsed 40 registers");
        kernel("norm", "kernel norm_bf16\nUsed 12 registers");
    }

    @Test
    void compilesOnlyWhatChanged() throws Exception {
        assertThat(build("compile")).contains("2 file(s)");
        assertThat(compiled()).containsExactlyInAnyOrder("gemm.cu", "norm.cu");
        assertThat(build("compile")).isEmpty();
        Files.writeString(source.resolve("include/inner.cuh"), "inner 2\n");
        build("compile");
        assertThat(compiled()).containsExactlyInAnyOrder("gemm.cu", "norm.cu", "gemm.cu");
        // What was there before is found by its content, also in a checkout that has nothing yet.
        Files.writeString(source.resolve("include/inner.cuh"), "inner 1\n");
        out = dir.resolve("other");
        build("compile");
        assertThat(compiled()).hasSize(3);
        assertThat(index()).containsExactly("gemm_bf16 gemm", "gemm_f16 gemm", "norm_bf16 norm");
    }

    @Test
    void forgetsKernelsWhoseSourceIsGone() throws Exception {
        build("compile");
        Files.delete(source.resolve("gemm.cu"));
        build("compile");
        assertThat(index()).containsExactly("norm_bf16 norm");
        assertThat(out.resolve("gemm.fatbin")).doesNotExist();
    }

    @Test
    void withoutACompilerItSaysSoAndGoesOn() throws Exception {
        build("compile");
        nvcc = "none";
        assertThat(build("compile")).hasLineCount(1).contains("no GPU kernels");
        assertThat(out.resolve("kernels.index")).doesNotExist();
        assertThat(out.resolve("gemm.fatbin")).doesNotExist();
    }

    @Test
    void tellsWhatDoesNotCompile() throws Exception {
        kernel("norm", "WRONG");
        assertThat(run(1, "compile")).contains("norm.cu", "it is wrong");
        kernel("norm", "kernel gemm_f16\nUsed 12 registers");
        assertThat(run(1, "compile")).contains("in two files: gemm_f16");
    }

    @Test
    void checksRegistersSpillsAndWarnings() throws Exception {
        build("compile");
        assertThat(build("check")).contains("3 GPU kernels");
        assertRefused("kernel norm_bf16\nUsed 129 registers", "norm_bf16", "129 registers", "128");
        kernel("norm", "// Registers: at most 168.\nkernel norm_bf16\nUsed 168 registers");
        build("compile");
        build("check");
        assertRefused(
                "kernel norm_bf16\nUsed 9 registers; 4 bytes spill stores, 0 bytes spill loads",
                "spills");
        assertRefused("kernel norm_bf16\nUsed 9 registers (C7510) serialized", "C7510");
        assertRefused("Used 9 registers", "no kernel");
    }

    /** Their names would hold a hash of the folder. */
    @Test
    void checksThatSharedVariablesHaveNamesOfTheirOwn() throws Exception {
        String kernel = "kernel norm_bf16\nUsed 9 registers";
        String function = "__device__ int sum() {\n    __shared__ int all;\n}\n";
        assertRefused("static " + function + kernel, "norm.cu:2", "external linkage");
        assertRefused("namespace {\n\n" + function + "\n}  // namespace\n" + kernel, "norm.cu:4");
        Files.writeString(source.resolve("include/sum.h"), "static " + function);
        assertRefused(kernel, "sum.h:2");
        Files.writeString(source.resolve("include/sum.h"), "inline " + function);
        kernel("norm", "namespace {\n\n}  // namespace\n" + function + kernel);
        build("compile");
        build("check");
    }

    @Test
    void refusesABuildWithoutKernels() throws Exception {
        assertThat(run(1, "check")).contains("no GPU kernels");
    }

    private void assertRefused(String norm, String... why) throws Exception {
        kernel("norm", norm);
        build("compile");
        assertThat(run(1, "check")).contains(why);
    }

    private void kernel(String name, String text) throws IOException {
        Files.writeString(source.resolve(name + ".cu"), text + "\n");
    }

    private String build(String verb) throws Exception {
        return run(0, verb);
    }

    private List<String> compiled() throws IOException {
        return Files.readAllLines(dir.resolve("compiled"));
    }

    private List<String> index() throws IOException {
        return Files.readAllLines(out.resolve("kernels.index"));
    }

    private String run(int status, String verb) throws Exception {
        Path reports = out.resolveSibling(out.getFileName() + "-reports");
        ProcessBuilder builder =
                new ProcessBuilder(
                        "bash",
                        source.resolve("build.sh").toString(),
                        verb,
                        out.toString(),
                        reports.toString());
        builder.environment().put("MILLRACE_KERNEL_CACHE", dir.resolve("cache").toString());
        builder.environment().put("NVCC", nvcc);
        Path said = dir.resolve("said");
        Process process = builder.redirectErrorStream(true).redirectOutput(said.toFile()).start();
        try {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            String text = Files.readString(said);
            assertThat(process.exitValue()).as(text).isEqualTo(status);
            return text;
        } finally {
            try (Stream<ProcessHandle> children = process.descendants()) {
                children.forEach(ProcessHandle::destroyForcibly);
            }
            process.destroyForcibly();
        }
    }
}
