package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Matmuls: near double sums, and to the bit one chain of fma over k. */
class StripMatmulTest {
    private static final int[] SIZES = {1, 17, 54, 97};

    @TempDir Path dir;

    private final Workers workers = new Workers(2);
    private final WeightLoader loader = new WeightLoader(2);
    private final Random random = new Random(11);

    @AfterEach
    void endThreads() throws IOException {
        loader.close();
        workers.close();
    }

    static Stream<Arguments> grid() {
        return Arrays.stream(DType.values())
                .flatMap(
                        type ->
                                Arrays.stream(SIZES)
                                        .boxed()
                                        .flatMap(
                                                n ->
                                                        Arrays.stream(SIZES)
                                                                .mapToObj(
                                                                        k ->
                                                                                Arguments.of(
                                                                                        type, n,
                                                                                        k))));
    }

    @ParameterizedTest
    @MethodSource("grid")
    void eachOutputIsOneChain(DType type, int outputs, int inputs) throws IOException {
        assertChains(type, outputs, inputs);
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void longChainsAreCarriedOverBlocks(DType type) throws IOException {
        assertChains(type, 131, 1023);
    }

    private void assertChains(DType type, int outputs, int inputs) throws IOException {
        float[] w = new float[outputs * inputs];
        boolean int8 = type == DType.INT8;
        Tensor tensor = tensor(int8 ? DType.BF16 : type, outputs, inputs, w);
        StripMatrix matrix = StripMatrix.load(List.of(tensor), int8, loader);
        loader.finish();
        float[] scales = new float[outputs];
        Arrays.fill(scales, 1);
        for (int n = 0; int8 && n < outputs; n++) {
            scales[n] = roundToInt8(w, n * inputs, inputs);
        }
        for (int tokens : new int[] {1, 2, 4, 5, 17}) {
            float[] x = randoms(tokens * inputs);
            float[] y = matmul(matrix, x, tokens, outputs);
            for (int t = 0; t < tokens; t++) {
                for (int n = 0; n < outputs; n++) {
                    float chain = 0;
                    double sum = 0;
                    double size = 0;
                    for (int k = 0; k < inputs; k++) {
                        chain = Math.fma(w[n * inputs + k], x[t * inputs + k], chain);
                        double term = (double) w[n * inputs + k] * x[t * inputs + k];
                        sum += term;
                        size += Math.abs(term);
                    }
                    assertThat(y[t * outputs + n]).isEqualTo(chain * scales[n]);
                    assertThat((double) chain).isCloseTo(sum, within(1e-5 * size + 1e-30));
                }
            }
        }
    }

    /** In place, as docs/numerics.md has it; returns the scale. */
    private static float roundToInt8(float[] w, int at, int n) {
        float most = 0;
        for (int i = 0; i < n; i++) {
            most = Math.max(most, Math.abs(w[at + i]));
        }
        float scale = most / 127;
        for (int i = 0; i < n; i++) {
            w[at + i] = (float) Math.rint(w[at + i] / scale);
        }
        return scale;
    }

    @Test
    void stackedPartsKeepTheirOrderWhereverTheirSeamsAre() throws IOException {
        float[] a = new float[17 * 9];
        float[] b = new float[8 * 9];
        float[] c = new float[97 * 9];
        StripMatrix matrix =
                load(
                        tensor(DType.BF16, 17, 9, a),
                        tensor(DType.BF16, 8, 9, b),
                        tensor(DType.BF16, 97, 9, c));
        float[] row = new float[9];
        matrix.row(16, row, 0);
        assertThat(row).isEqualTo(Arrays.copyOfRange(a, 16 * 9, 17 * 9));
        matrix.row(17, row, 0);
        assertThat(row).isEqualTo(Arrays.copyOfRange(b, 0, 9));
        matrix.row(121, row, 0);
        assertThat(row).isEqualTo(Arrays.copyOfRange(c, 96 * 9, 97 * 9));
    }

    @Test
    void partsOfDifferentTypesBecomeF32() throws IOException {
        float[] a = new float[3 * 17];
        float[] b = new float[4 * 17];
        Tensor first = tensor(DType.F16, 3, 17, a);
        Tensor second = tensor(DType.BF16, 4, 17, b);
        StripMatrix matrix = load(first, second);
        assertThat(matrix.type).isEqualTo(DType.F32);
        float[] row = new float[17];
        matrix.row(2, row, 0);
        assertThat(row).isEqualTo(Arrays.copyOfRange(a, 34, 51));
        matrix.row(3, row, 0);
        assertThat(row).isEqualTo(Arrays.copyOfRange(b, 0, 17));
    }

    private StripMatrix load(Tensor... parts) throws IOException {
        StripMatrix matrix = StripMatrix.load(List.of(parts), false, loader);
        loader.finish();
        return matrix;
    }

    private float[] matmul(StripMatrix matrix, float[] x, int tokens, int outputs) {
        float[] y = new float[tokens * outputs];
        Arrays.fill(y, Float.NaN);
        new StripMatmul(workers)
                .run(
                        x,
                        tokens,
                        matrix,
                        (sums, at, token, column, n) ->
                                System.arraycopy(sums, at, y, token * outputs + column, n));
        return y;
    }

    private float[] randoms(int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** Random weights on disk; their exact values in {@code values}. */
    private Tensor tensor(DType type, int rows, int columns, float[] values) throws IOException {
        ByteBuffer data =
                ByteBuffer.allocate(rows * columns * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < values.length; i++) {
            int bits =
                    switch (type) {
                        case F32 -> Float.floatToIntBits((float) random.nextGaussian());
                        case BF16 -> Float.floatToIntBits((float) random.nextGaussian()) >>> 16;
                        // Any finite half, subnormal ones too.
                        case F16 -> random.nextInt(0x4400) | random.nextInt(2) << 15;
                        case INT8 -> throw new IllegalArgumentException("Never in a file.");
                    };
            values[i] = type.toFloat(bits);
            if (type == DType.F32) {
                data.putInt(bits);
            } else {
                data.putShort((short) bits);
            }
        }
        byte[] header =
                "{\"w\":{\"dtype\":\"%s\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}}"
                        .formatted(type, rows, columns, data.capacity())
                        .getBytes(StandardCharsets.UTF_8);
        ByteBuffer file =
                ByteBuffer.allocate(8 + header.length + data.capacity())
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(header.length)
                        .put(header)
                        .put(data.array());
        Path path = Files.createTempFile(dir, "w", ".safetensors");
        return SafeTensors.open(Files.write(path, file.array())).get("w");
    }
}
