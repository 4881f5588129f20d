package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights as they arrive on the GPU, against the one formula that says where an element lies. */
class TileUploadTest {
    private static final byte POISON = 0x55;

    @TempDir Path dir;

    @ParameterizedTest
    @CsvSource({
        "F32, 32, 48, 65536",
        "BF16, 64, 54, 16384",
        "BF16, 17, 97, 16384",
        "F16, 54, 17, 8192",
        "BF16, 97, 130, 65536",
        "F16, 129, 331, 50000"
    })
    void everyElementLiesWhereTheLayoutSays(
            DType type, int hidden, int intermediate, int windowBytes) throws IOException {
        Map<String, Tensor> tensors = write(type, hidden, intermediate);
        Tensor gate = tensors.get("model.layers.0.mlp.gate_proj.weight");
        Tensor up = tensors.get("model.layers.0.mlp.up_proj.weight");
        Tensor down = tensors.get("model.layers.0.mlp.down_proj.weight");

        Fake stacked = new Fake(2 * intermediate, hidden, type, windowBytes);
        stacked.upload(Numerics.TILE, 0, gate, up);
        float[] expected = Arrays.copyOf(gate.readFloats(), 2 * intermediate * hidden);
        System.arraycopy(
                up.readFloats(), 0, expected, intermediate * hidden, intermediate * hidden);
        stacked.assertHolds(expected, 2 * intermediate);

        Fake wide = new Fake(hidden, intermediate, type, windowBytes);
        wide.upload(Numerics.TILE, 0, down);
        wide.assertHolds(down.readFloats(), hidden);

        int rows = TileLayout.gatedRows(intermediate);
        Fake gated = new Fake(rows, hidden, type, windowBytes);
        gated.upload(Numerics.TILE / 2, 0, gate);
        gated.upload(Numerics.TILE / 2, 1024, up);
        float[] alternating = new float[rows * hidden];
        for (int row = 0; row < intermediate; row++) {
            int g = TileLayout.gatedRow(row, false) * hidden;
            int u = TileLayout.gatedRow(row, true) * hidden;
            System.arraycopy(gate.readFloats(), row * hidden, alternating, g, hidden);
            System.arraycopy(up.readFloats(), row * hidden, alternating, u, hidden);
        }
        gated.assertHolds(alternating, rows);
    }

    @ParameterizedTest
    @CsvSource({"F32, 32", "BF16, 32", "F16, 32", "F32, 33", "BF16, 33", "F16, 39"})
    void refusesWhatIsNotFiniteByName(DType type, int hidden) throws IOException {
        Map<String, Tensor> tensors = write(type, hidden, 48);
        Tensor last = List.copyOf(tensors.values()).get(tensors.size() - 1);
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
        Fake fake = new Fake((int) last.dim(0), (int) last.dim(1), type, 1 << 16);
        assertThatThrownBy(() -> fake.upload(Numerics.TILE, 0, last))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(last.name(), "not finite");
    }

    @Test
    void refusesAMatrixOfAnotherType() throws IOException {
        Tensor tensor = write(DType.BF16, 32, 48).get("model.embed_tokens.weight");
        Fake fake = new Fake(320, 32, DType.F16, 1 << 16);
        assertThatThrownBy(() -> fake.upload(Numerics.TILE, 0, tensor))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("model.embed_tokens.weight", "BF16", "F16");
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

    /** The GPU's memory for one matrix, zero at first as the context gives it. */
    private static final class Fake {
        private final int k;
        private final DType type;
        private final int windowBytes;
        private final byte[] device;

        Fake(int rows, int k, DType type, int windowBytes) {
            this.k = k;
            this.type = type;
            this.windowBytes = windowBytes;
            device = new byte[Math.toIntExact(TileLayout.tileBytes(rows, k, type.bytes()))];
        }

        void upload(int tileRows, int first, Tensor... parts) throws IOException {
            byte[] slot = new byte[Math.max(windowBytes, 64 * Numerics.pad(k) * type.bytes())];
            TileUpload.Sink sink =
                    new TileUpload.Sink() {
                        @Override
                        public ByteBuffer window() {
                            Arrays.fill(slot, POISON);
                            return ByteBuffer.wrap(slot).order(java.nio.ByteOrder.LITTLE_ENDIAN);
                        }

                        @Override
                        public void send(int bytes, long offset) {
                            if (tileRows == Numerics.TILE) {
                                System.arraycopy(slot, 0, device, (int) offset, bytes);
                                return;
                            }
                            for (int i = 0; i < bytes; i += 1024) {
                                int to = (int) (2 * (offset + i)) + first;
                                System.arraycopy(slot, i, device, to, 1024);
                            }
                        }
                    };
            TileUpload upload = new TileUpload(sink, type, k, tileRows, slot.length);
            for (Tensor part : parts) {
                upload.write(part);
            }
            upload.finish();
        }

        void assertHolds(float[] values, int rows) {
            byte[] expected = new byte[device.length];
            ByteBuffer to = ByteBuffer.wrap(expected).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            for (int row = 0; row < rows; row++) {
                for (int i = 0; i < k; i++) {
                    int at = (int) TileLayout.tileOffset(row, i, k, type.bytes());
                    float value = values[row * k + i];
                    switch (type) {
                        case F32 -> to.putFloat(at, value);
                        case BF16 ->
                                to.putShort(at, (short) (Float.floatToRawIntBits(value) >>> 16));
                        case F16 -> to.putShort(at, half(value));
                        case INT8 -> throw new AssertionError(type);
                    }
                }
            }
            assertThat(device).isEqualTo(expected);
        }

        /** Of a float that came from a half. */
        private static short half(float value) {
            int bits = Float.floatToRawIntBits(value * 0x1p-112f);
            return (short) ((bits >>> 16 & 0x8000) | (bits & 0x7fffffff) >>> 13);
        }
    }
}
