package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.cuda.CudaSampler;
import io.millrace.gpu.device.cuda.step.OutputPlaces;
import io.millrace.gpu.device.cuda.step.SampleSlots;
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
        assertConstant("LIST", SampleLaunches.LIST);
        assertConstant("MAX_TOP", SampleLaunches.MAX_TOP);
        assertConstant("STEP_HEADER", SampleLaunches.STEP_HEADER);
        assertConstant("HEAD_TILE", SampleLaunches.HEAD_TILE);
        assertThat(SampleLaunches.HEAD_TILE).isEqualTo(Numerics.TILE);
        assertConstant("SCAN_THREADS", SampleLaunches.SCAN_THREADS);
        assertConstant("CHUNK_THREADS", SampleLaunches.CHUNK_THREADS);
        assertConstant("FINISH_THREADS", SampleLaunches.FINISH_THREADS);
        assertConstant("LOGPROB_THREADS", SampleLaunches.LOGPROB_THREADS);
        assertConstant("DELIVER_THREADS", SampleLaunches.DELIVER_THREADS);
        assertConstant("OUTPUT_HEADER", OutputPlaces.HEADER);
        assertConstant("OUTPUT_BEGAN", OutputPlaces.BEGAN);
        assertConstant("OUTPUT_DONE", OutputPlaces.DONE);
        assertConstant("REPETITION", SampleSlots.REPETITION);
        assertConstant("PENALTIES", SampleSlots.PENALTIES);
        assertConstant("GENERAL", SampleSlots.GENERAL);
        assertConstant("STOPS", SampleSlots.STOPS);
        assertThat(SampleLaunches.TILE)
                .isEqualTo(SampleLaunches.SCAN_THREADS * constant("SCAN_LOADS") * 4);
        assertThat(SampleLaunches.CHUNK)
                .isEqualTo(SampleLaunches.CHUNK_THREADS * constant("CHUNK_LOADS") * 4);
    }

    @Test
    void structsHaveTheSizesOfTheHeader() throws IOException {
        assertThat(bytes("SampleRow")).isEqualTo(SampleLaunches.ROW_BYTES);
        assertThat(bytes("NewRow") + SampleLaunches.ROW_BYTES)
                .as("with its SampleRow")
                .isEqualTo(SampleLaunches.NEW_ROW_BYTES);
        assertThat(bytes("SampleTile")).isEqualTo(SampleLaunches.TILE_BYTES);
        assertThat(bytes("HeadTile")).isEqualTo(SampleLaunches.HEAD_TILE_BYTES);
        assertThat(bytes("SampleBound")).isEqualTo(SampleLaunches.BOUND_BYTES);
        assertThat(bytes("SamplePick")).isEqualTo(SampleLaunches.PICK_BYTES);
    }

    @Test
    void parametersFillTheStructOfTheHeader() throws IOException {
        KernelParams params = new KernelParams();
        CudaSampler.write(params, new long[16], 17, 3);
        assertThat(params.size()).isEqualTo(bytes("SampleParams"));
        CudaSampler.write(params, new long[16], 17, 3, 8, 16);
        assertThat(params.size()).isEqualTo(bytes("SampleParams") + bytes("PickParams"));
        CudaSampler.write(params, new long[5], 3);
        assertThat(params.size()).isEqualTo(bytes("DeliverParams"));
        CudaSampler.writeHead(params.begin(), 8, 16, 24, 32, 3);
        assertThat(params.size()).as("behind the product's").isEqualTo(bytes("HeadParams"));
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

    private static int bytes(String struct) throws IOException {
        Matcher body =
                Pattern.compile("struct " + struct + " \\{(.*?)\\n\\};", Pattern.DOTALL)
                        .matcher(sources());
        assertThat(body.find()).as(struct).isTrue();
        int bytes = 0;
        for (String line : body.group(1).split("\n")) {
            String field = line.replaceAll("//.*", "").strip();
            Matcher array = Pattern.compile("\\[(\\w+)\\]").matcher(field);
            int each = field.contains("*") || field.matches("(u64|double) .*") ? 8 : 4;
            int count =
                    !array.find()
                            ? 1
                            : array.group(1).matches("\\d+")
                                    ? Integer.parseInt(array.group(1))
                                    : constant(array.group(1));
            // Structs in structs are counted by who asks.
            boolean isStruct = field.matches("(SampleRow|SampleParams|MatmulParams) \\w+;");
            bytes += field.isEmpty() || isStruct ? 0 : each * count;
        }
        return bytes;
    }
}
