package io.millrace.gpu.device.cuda;

import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Random weights on disk, the same for the same name and shape. */
final class TestingWeights {
    private final Path dir;
    private final DType type;

    TestingWeights(Path dir, DType type) {
        this.dir = dir;
        this.type = type;
    }

    /** Scaled so that a product keeps the size of its input. */
    Tensor matrix(String name, int rows, int columns) throws IOException {
        return tensor(name, "[%d,%d]".formatted(rows, columns), rows * columns, columns);
    }

    /** Around 1. */
    Tensor vector(String name, int length) throws IOException {
        return tensor(name, "[%d]".formatted(length), length, 0);
    }

    /** BF16, of values that it has. */
    static Tensor matrix(Path dir, float[][] values) throws IOException {
        int columns = values[0].length;
        String shape = "[%d,%d]".formatted(values.length, columns);
        ByteBuffer file = file(DType.BF16, shape, values.length * columns);
        for (float[] row : values) {
            for (float x : row) {
                file.putShort((short) (Float.floatToIntBits(x) >>> 16));
            }
        }
        return write(dir, file);
    }

    private static ByteBuffer file(DType type, String shape, int length) {
        byte[] header =
                "{\"w\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[0,%d]}}"
                        .formatted(type, shape, length * type.bytes())
                        .getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + header.length + length * type.bytes())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header);
    }

    private static Tensor write(Path dir, ByteBuffer file) throws IOException {
        Path path = Files.createTempFile(dir, "w", ".safetensors");
        return SafeTensors.open(Files.write(path, file.array())).get("w");
    }

    private Tensor tensor(String name, String shape, int length, int columns) throws IOException {
        ByteBuffer file = file(type, shape, length);
        Random random = new Random(name.hashCode());
        for (int i = 0; i < length; i++) {
            double value = random.nextGaussian();
            float x = (float) (columns == 0 ? 1 + value / 4 : value / Math.sqrt(columns));
            switch (type) {
                case F32 -> file.putFloat(x);
                case BF16 -> file.putShort((short) (Float.floatToIntBits(x) >>> 16));
                case F16 -> file.putShort(half(x));
                default -> throw new IllegalArgumentException(type.name());
            }
        }
        return write(dir, file);
    }

    /** Cut towards zero; what is too small for a normal half becomes 0. */
    private static short half(float x) {
        int bits = Float.floatToIntBits(x);
        int exponent = (bits >>> 23 & 0xff) - 127 + 15;
        int sign = bits >>> 16 & 0x8000;
        return (short) (exponent < 1 ? sign : sign | exponent << 10 | bits >>> 13 & 0x3ff);
    }
}
