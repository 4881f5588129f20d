package io.millrace.gpu.device.cuda.struct;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The classes that the build makes of the kernels' headers, and what a C++ compiler makes of them.
 */
class StructLayoutTest {
    private static final Path CUDA = Path.of("src", "main", "cuda").toAbsolutePath();

    @TempDir Path dir;

    @Test
    void aCompilerSeesTheSameSizesAndOffsets() throws Exception {
        List<String> compiler =
                List.of("c++", "-std=c++17", "-fsyntax-only", "-I", CUDA + "/include");
        if (System.getenv("CI") == null) {
            assumeThat(onPath("c++")).as("a C++ compiler, c++, on the PATH").isTrue();
        }
        Path source = dir.resolve("layout.cpp");
        Files.writeString(source, source(0));
        assertThat(run(compiler, source)).isEmpty();
        Files.writeString(source, source(4));
        assertThat(run(compiler, source)).contains("static assertion failed");
    }

    /** An offset that is added to Java's. */
    private static String source(int wrong) {
        StringBuilder text = new StringBuilder("#include <cstddef>\nstruct int4;\n");
        text.append("#include \"sample_params.h\"\n");
        List<Layout> all =
                Stream.of(ParamsHeader.LAYOUTS, SampleParamsHeader.LAYOUTS)
                        .flatMap(List::stream)
                        .toList();
        for (Layout layout : all) {
            String name = layout.name();
            text.append("static_assert(sizeof(%s) == %d, \"\");%n".formatted(name, layout.bytes()));
            for (Layout.Field field : layout.fields()) {
                text.append(
                        "static_assert(offsetof(%s, %s) == %d, \"\");%n"
                                .formatted(name, field.name(), field.offset() + wrong));
            }
        }
        return text.toString();
    }

    @Test
    void classesAreMadeOfWhatAHeaderDeclares() throws Exception {
        String made =
                make(
                        """
                        // Of the file.
                        #pragma once
                        constexpr int MOST = 17;
                        enum Kind {
                            /** The first. */
                            KIND_ONE = 1,
                            KIND_TWO = 2
                        };
                        /** An entry,
                         * of a <list>. */
                        struct Entry {
                            u64 seed;
                            float scale;  // a & b
                            int reserved[3];
                        };
                        struct List {
                            int count;
                            int ids[MOST];
                        };
                        /** one. */
                        struct OneParams {
                            const Entry* entries;
                            Entry own;
                            double top;
                        };
                        """);
        assertThat(made)
                .contains("public final class SomeParamsHeader {")
                .contains("public static final int MOST = 17;")
                .contains("/** The first. */\n    public static final int KIND_ONE = 1;")
                .contains("/** An entry, of a &lt;list&gt;. */")
                .contains(
                        "class Entry extends Struct {\n        public static final int BYTES = 24;")
                .contains("/** a &amp; b */\n        public Entry scale(float value) {")
                .contains(
                        "class List extends Struct {\n        public static final int BYTES = 72;")
                .contains("private List() {")
                .contains("class OneParams extends KernelParams {")
                .contains(
                        "public final SomeParamsHeader.Entry own = new SomeParamsHeader.Entry(this, 8);")
                .contains("public OneParams entries(DeviceMemory memory) {")
                .contains("new Layout.Field(\"top\", 32, Layout.Type.DOUBLE)")
                .doesNotContain("reserved(");
    }

    @Test
    void whatCannotBeReadIsAnErrorWithItsLine() throws Exception {
        assertRefused("int32_t a;\n    void* b;", "some_params.h:3: A.b would need padding");
        assertRefused(
                "void* a;\n    int32_t b;", "some_params.h:4: A would need padding at its end");
        assertRefused("short a;", "some_params.h:2: a has an unknown type, short");
        assertRefused("int a[N];", "N is no constant");
        assertRefused("int a() const;", "some_params.h:2: this is none of what");
        assertThat(make("struct A {\n    int a;\n")).contains("the file ends within");
        assertThat(make("void f();\n")).contains("some_params.h:1: this is none of what", "f()");
    }

    private void assertRefused(String fields, String why) throws Exception {
        assertThat(make("struct A {\n    %s\n};\n".formatted(fields))).contains(why);
    }

    /** What the program makes of a header, or says. */
    private String make(String header) throws Exception {
        if (!Files.exists(dir.resolve("StructWriters.class"))) {
            String program = CUDA.resolve("StructWriters.java").toString();
            JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
            assertThat(compiler.run(null, null, null, "-d", dir.toString(), program)).isZero();
        }
        Path file = Files.writeString(dir.resolve("some_params.h"), header);
        Path out = dir.resolve("out");
        Path made = out.resolve("io/millrace/SomeParamsHeader.java");
        Files.deleteIfExists(made);
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        String said =
                run(
                        List.of(
                                java.toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-cp",
                                dir.toString(),
                                "StructWriters",
                                out.toString(),
                                "io.millrace"),
                        file);
        return Files.exists(made) ? Files.readString(made) : said;
    }

    private static boolean onPath(String program) {
        return Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    private String run(List<String> command, Path file) throws IOException, InterruptedException {
        Path said = dir.resolve("said");
        List<String> all = Stream.concat(command.stream(), Stream.of(file.toString())).toList();
        Process process =
                new ProcessBuilder(all)
                        .redirectErrorStream(true)
                        .redirectOutput(said.toFile())
                        .start();
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            return Files.readString(said);
        } finally {
            process.destroyForcibly();
        }
    }
}
