package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.Noise;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Matrices of noise as they lie on a GPU: noise everywhere but in the padding. */
@RequiresGpu
class DeviceNoiseTest {

    /** All bytes of a matrix that an upload made. */
    private static byte[] bytes(CudaContext context, CudaMatrix matrix) {
        int length = Math.toIntExact(matrix.memory().bytes());
        byte[] bytes = new byte[length];
        try (PinnedMemory back = new PinnedMemory(context, length)) {
            matrix.memory().copyTo(back, 0, length);
            context.synchronize("A test");
            back.buffer().get(0, bytes);
        }
        return bytes;
    }

    private static float value(byte[] bytes, DType type, int row, int k, int columns) {
        int at = (int) TileLayout.tileOffset(row, k, columns, type.bytes());
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        return type.toFloat(type == DType.F32 ? buffer.getInt(at) : buffer.getShort(at) & 0xffff);
    }

    @ParameterizedTest
    @CsvSource({
        "BF16, 64, 64",
        "BF16, 17, 128",
        "F16, 331, 192",
        "F32, 97, 64",
        "BF16, 8200, 1024",
        "BF16, 33, 97",
        "F16, 54, 17"
    })
    void rowsAreNoiseAndPaddingIsZero(DType type, int rows, int k) throws IOException {
        try (CudaContext context = CudaContext.open(0)) {
            try (KernelModules kernels = new KernelModules(context, KernelIndex.read());
                    WeightUpload upload = new WeightUpload(context, kernels)) {
                Noise noise = new Noise(type);
                noise.tensor("before", 1);
                CudaMatrix matrix = upload.matrix(List.of(noise.tensor("a", rows, k)));
                upload.finish();
                byte[] bytes = bytes(context, matrix);
                Set<FloatBuffer> seen = new HashSet<>();
                for (int row = 0; row < Numerics.pad(rows); row++) {
                    float[] values = new float[Numerics.pad(k)];
                    boolean small = true;
                    for (int i = 0; i < values.length; i++) {
                        values[i] = value(bytes, type, row, i, k);
                        small &= Math.abs(values[i]) < 0.07f;
                    }
                    assertThat(small).as("row " + row).isTrue();
                    float[] used = row < rows ? Arrays.copyOf(values, k) : new float[k];
                    assertThat(Arrays.copyOf(used, values.length)).isEqualTo(values);
                    if (row < rows) {
                        assertThat(seen.add(FloatBuffer.wrap(used))).as("row " + row).isTrue();
                    }
                }
            }
            assertThat(context.handles()).isZero();
        }
    }

    @Test
    void whatIsNoWholeTileIsTheNoiseOfTheHost() throws IOException {
        try (CudaContext context = CudaContext.open(0);
                KernelModules kernels = new KernelModules(context, KernelIndex.read());
                WeightUpload upload = new WeightUpload(context, kernels)) {
            Noise noise = new Noise(DType.BF16);
            Tensor tensor = noise.tensor("a", 54, 97);
            CudaMatrix matrix = upload.matrix(List.of(tensor));
            upload.finish();
            byte[] bytes = bytes(context, matrix);
            float[] expected = tensor.readFloats();
            for (int i = 0; i < expected.length; i++) {
                assertThat(value(bytes, DType.BF16, i / 97, i % 97, 97)).isEqualTo(expected[i]);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"48, 64", "97, 64", "104, 128", "192, 54"})
    void gatedPaddingIsZeroToo(int intermediate, int k) throws IOException {
        try (CudaContext context = CudaContext.open(0);
                KernelModules kernels = new KernelModules(context, KernelIndex.read());
                WeightUpload upload = new WeightUpload(context, kernels)) {
            Noise noise = new Noise(DType.BF16);
            Tensor gate = noise.tensor("gate", intermediate, k);
            Tensor up = noise.tensor("up", intermediate, k);
            CudaMatrix matrix = upload.gatedMatrix(gate, up);
            upload.finish();
            byte[] bytes = bytes(context, matrix);
            Set<Integer> used = new HashSet<>();
            for (int row = 0; row < intermediate; row++) {
                used.add(TileLayout.gatedRow(row, false));
                used.add(TileLayout.gatedRow(row, true));
            }
            for (int row = 0; row < Numerics.pad(matrix.rows()); row++) {
                int zeros = 0;
                for (int i = 0; i < k; i++) {
                    zeros += value(bytes, DType.BF16, row, i, k) == 0 ? 1 : 0;
                }
                if (used.contains(row)) {
                    assertThat(zeros).as("row " + row).isLessThan(k / 2);
                } else {
                    assertThat(zeros).as("row " + row).isEqualTo(k);
                }
            }
        }
    }
}
