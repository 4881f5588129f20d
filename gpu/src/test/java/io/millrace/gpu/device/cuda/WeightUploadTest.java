package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights as they arrive on the GPU, against the one formula that says where an element lies. */
@RequiresGpu
@Timeout(60)
class WeightUploadTest {
    @TempDir Path dir;

    private CudaContext context;
    private KernelModules kernels;
    private WeightUpload upload;

    @BeforeEach
    void open() throws IOException {
        context = CudaContext.open(0);
        kernels = new KernelModules(context, KernelIndex.read());
        upload = new WeightUpload(context, kernels);
    }

    @AfterEach
    void close() {
        upload.close();
        kernels.close();
        assertThat(context.handles()).isZero();
        assertThat(context.bytes()).isZero();
        context.close();
    }

    @ParameterizedTest
    @CsvSource({
        "F32, 32, 48",
        "BF16, 64, 54",
        "BF16, 17, 97",
        "F16, 54, 17",
        "BF16, 97, 130",
        "F16, 129, 331",
        "F32, 33, 331",
        // Several slots.
        "BF16, 1024, 4099",
        "BF16, 1023, 1040",
        // Rows of which a slot holds fewer than a piece has.
        "F16, 54, 70000"
    })
    void everyElementLiesWhereTheLayoutSays(DType type, int hidden, int intermediate)
            throws IOException {
        Map<String, Tensor> tensors = write(type, hidden, intermediate);
        Tensor gate = tensors.get("model.layers.0.mlp.gate_proj.weight");
        Tensor up = tensors.get("model.layers.0.mlp.up_proj.weight");
        Tensor down = tensors.get("model.layers.0.mlp.down_proj.weight");

        CudaMatrix stacked = upload.matrix(List.of(gate, up));
        CudaMatrix wide = upload.matrix(List.of(down));
        CudaMatrix gated = upload.gatedMatrix(gate, up);
        CudaMatrix turned = upload.matrix(List.of(down.transposed()));
        upload.finish();

        int size = intermediate * hidden;
        float[] expected = Arrays.copyOf(gate.readFloats(), 2 * size);
        System.arraycopy(up.readFloats(), 0, expected, size, size);
        assertHolds(stacked, type, expected, 2 * intermediate);
        float[] across = down.readFloats();
        assertHolds(wide, type, across, hidden);
        float[] along = new float[size];
        for (int i = 0; i < size; i++) {
            along[i % intermediate * hidden + i / intermediate] = across[i];
        }
        assertHolds(turned, type, along, intermediate);

        int rows = TileLayout.gatedRows(intermediate);
        assertThat(gated.rows()).isEqualTo(rows);
        float[] alternating = new float[rows * hidden];
        for (int row = 0; row < intermediate; row++) {
            int g = TileLayout.gatedRow(row, false) * hidden;
            int u = TileLayout.gatedRow(row, true) * hidden;
            System.arraycopy(expected, row * hidden, alternating, g, hidden);
            System.arraycopy(expected, size + row * hidden, alternating, u, hidden);
        }
        assertHolds(gated, type, alternating, rows);
        // Hashed on the way, as when it is read alone.
        Tensor again = SafeTensors.open(dir.resolve("model.safetensors")).get(down.name());
        assertThat(down.digest()).isEqualTo(again.digest());
    }

    @ParameterizedTest
    @CsvSource({"F32, 32", "BF16, 32", "F16, 32", "F32, 33", "BF16, 33", "F16, 39"})
    void refusesWhatIsNotFiniteByName(DType type, int hidden) throws IOException {
        Map<String, Tensor> tensors = write(type, hidden, 48);
        List<Tensor> all = List.copyOf(tensors.values());
        Tensor last = all.get(all.size() - 1);
        try (RandomAccessFile file =
                new RandomAccessFile(dir.resolve("model.safetensors").toFile(), "rw")) {
            file.seek(file.length() - type.bytes());
            // An infinity: the least that is refused.
            file.write(
                    switch (type) {
                        case F32 -> new byte[] {0, 0, (byte) 0x80, 0x7f};
                        case BF16 -> new byte[] {(byte) 0x80, 0x7f};
                        case F16 -> new byte[] {0, 0x7c};
                        case INT8 -> throw new AssertionError(type);
                    });
        }
        for (Tensor tensor : all) {
            if (tensor.rank() == 2) {
                upload.matrix(List.of(tensor));
            }
        }
        assertThatThrownBy(
                        () -> {
                            upload.matrix(List.of(last));
                            upload.finish();
                        })
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(last.name(), "not finite");
    }

    @Test
    void refusesAMatrixOfAnotherType() throws IOException {
        Tensor first = write(DType.F16, 32, 48).get("model.embed_tokens.weight");
        upload.matrix(List.of(first));
        upload.finish();
        Tensor other = write(DType.BF16, 32, 48).get("model.embed_tokens.weight");
        assertThatThrownBy(() -> upload.matrix(List.of(other)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("model.embed_tokens.weight", "BF16", "F16");
    }

    @Test
    void aFileThatEndsWhileItIsReadIsNamed() throws IOException {
        Map<String, Tensor> tensors = write(DType.BF16, 1023, 1040);
        try (RandomAccessFile file =
                new RandomAccessFile(dir.resolve("model.safetensors").toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        assertThatThrownBy(
                        () -> {
                            for (Tensor tensor : tensors.values()) {
                                if (tensor.rank() == 2) {
                                    upload.matrix(List.of(tensor));
                                }
                            }
                            upload.finish();
                        })
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("model.safetensors ended while tensor", "was changed");
    }

    private Map<String, Tensor> write(DType type, int hidden, int intermediate) throws IOException {
        Path folder =
                TinyModels.llama()
                        .hidden(hidden)
                        .intermediate(intermediate)
                        .layers(1)
                        .heads(2, 1, 8)
                        .dtype(type)
                        .write(dir);
        return SafeTensors.open(folder.resolve("model.safetensors"));
    }

    private void assertHolds(CudaMatrix matrix, DType type, float[] values, int rows) {
        int k = matrix.k();
        byte[] expected = new byte[Math.toIntExact(TileLayout.tileBytes(rows, k, type.bytes()))];
        ByteBuffer to = ByteBuffer.wrap(expected).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < k; i++) {
                int at = (int) TileLayout.tileOffset(row, i, k, type.bytes());
                float value = values[row * k + i];
                switch (type) {
                    case F32 -> to.putFloat(at, value);
                    case BF16 -> to.putShort(at, (short) (Float.floatToRawIntBits(value) >>> 16));
                    case F16 -> to.putShort(at, half(value));
                    case INT8 -> throw new AssertionError(type);
                }
            }
        }
        byte[] device = new byte[Math.toIntExact(matrix.memory().bytes())];
        try (PinnedMemory back = new PinnedMemory(context, device.length)) {
            matrix.memory().copyTo(back, 0, device.length);
            context.synchronize("A test");
            back.buffer().get(0, device);
        }
        assertThat(Arrays.equals(device, expected)).as(matrix + " of " + type).isTrue();
    }

    /** Of a float that came from a half. */
    private static short half(float value) {
        int bits = Float.floatToRawIntBits(value * 0x1p-112f);
        return (short) ((bits >>> 16 & 0x8000) | (bits & 0x7fffffff) >>> 13);
    }
}
