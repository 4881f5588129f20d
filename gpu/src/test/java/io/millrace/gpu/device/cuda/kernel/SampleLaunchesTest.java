package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What Java takes for granted of the sampling kernels is what their sources say. */
class SampleLaunchesTest {
    private static final Path CUDA = Path.of("src", "main", "cuda");

    @Test
    void constantsAreThoseOfTheKernels() throws IOException {
        assertConstant("TOKEN_BITS", SampleLaunches.TOKEN_BITS);
        assertConstant("BUCKETS", SampleLaunches.BUCKETS);
        assertThat(SampleLaunches.HEAD_TILE).isEqualTo(Numerics.TILE);
        assertConstant("SCAN_THREADS", SampleLaunches.SCAN_THREADS);
        assertConstant("CHUNK_THREADS", SampleLaunches.CHUNK_THREADS);
        assertConstant("FINISH_THREADS", SampleLaunches.FINISH_THREADS);
        assertConstant("LOGPROB_THREADS", SampleLaunches.LOGPROB_THREADS);
        assertConstant("DELIVER_THREADS", SampleLaunches.DELIVER_THREADS);
        assertThat(SampleLaunches.TILE)
                .isEqualTo(SampleLaunches.SCAN_THREADS * constant("SCAN_LOADS") * 4);
        assertThat(SampleLaunches.CHUNK)
                .isEqualTo(SampleLaunches.CHUNK_THREADS * constant("CHUNK_LOADS") * 4);
    }

    @Test
    void gridsCoverAFewRowsAndAreNoWiderThanTheGpu() {
        SampleLaunches one = new SampleLaunches(151_936, 1, 132);
        assertThat(one.tiles()).isEqualTo(38);
        assertThat(one.scan().x()).isEqualTo(38);
        assertThat(one.split().x()).isEqualTo(19);
        assertThat(one.finish().x()).isEqualTo(1);
        SampleLaunches many = new SampleLaunches(151_936, 256, 132);
        assertThat(many.scan().x()).isEqualTo(132 * 8);
        assertThat(many.histogram().x()).isEqualTo(132 * 4);
        assertThat(new SampleLaunches(1, 1, 132).scan().x()).isEqualTo(1);
        assertThat(new SampleLaunches(97, 3, 132).countWords()).isEqualTo(100);
    }

    private static void assertConstant(String name, int value) throws IOException {
        assertThat(constant(name)).as(name).isEqualTo(value);
    }

    private static int constant(String name) throws IOException {
        Matcher found = Pattern.compile("constexpr int " + name + " = (\\d+);").matcher(sources());
        assertThat(found.find()).as(name).isTrue();
        return Integer.parseInt(found.group(1));
    }

    private static String sources() throws IOException {
        StringBuilder all = new StringBuilder();
        for (Path folder : List.of(CUDA, CUDA.resolve("include"))) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "sample*.{cu,h}")) {
                for (Path file : files) {
                    all.append(Files.readString(file));
                }
            }
        }
        return all.toString();
    }
}
