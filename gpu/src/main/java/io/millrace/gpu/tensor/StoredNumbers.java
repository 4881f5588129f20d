package io.millrace.gpu.tensor;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Reads tensors of types in which no weight is computed with: codes, indices, shapes. */
public final class StoredNumbers {
    private StoredNumbers() {}

    /** A file that is open for reading rows; any thread may read, one closes. */
    public interface StoredRows extends Closeable {

        /** Reads the bytes of a row. */
        void read(long row, byte[] to) throws IOException;
    }

    /** All numbers of an I32 tensor. */
    public static int[] ints(Tensor tensor) throws IOException {
        return words(tensor, "I32", Math.toIntExact(tensor.bytes() / Integer.BYTES));
    }

    /** All numbers of an I64 tensor, none of which may be beyond 31 bits or negative. */
    public static int[] longs(Tensor tensor) throws IOException {
        int[] halves = words(tensor, "I64", Math.toIntExact(tensor.bytes() / Integer.BYTES));
        int[] numbers = new int[halves.length / 2];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = halves[2 * i];
            if (numbers[i] < 0 || halves[2 * i + 1] != 0) {
                throw new InvalidModelException(
                        "%s in %s holds a number that is not from 0 to 2147483647."
                                .formatted(tensor, tensor.source()));
            }
        }
        return numbers;
    }

    /** Opens a matrix of any type. */
    public static StoredRows open(Tensor tensor) throws IOException {
        TensorBytes.Reader reader = tensor.source().open();
        return new StoredRows() {
            @Override
            public void read(long row, byte[] to) throws IOException {
                tensor.fill(reader, ByteBuffer.wrap(to), row * to.length);
            }

            @Override
            public void close() throws IOException {
                reader.close();
            }
        };
    }

    /** Refuses a tensor of another type than the given one. */
    public static void expectType(Tensor tensor, String type) throws InvalidModelException {
        if (!tensor.storedType().equals(type)) {
            throw new InvalidModelException(
                    "Tensor %s in %s has the type %s where the quantization asks for %s."
                            .formatted(tensor.name(), tensor.source(), tensor.storedType(), type));
        }
    }

    private static int[] words(Tensor tensor, String type, int count) throws IOException {
        expectType(tensor, type);
        int[] numbers = new int[count];
        int step = 1 << 18;
        ByteBuffer piece = ByteBuffer.allocate(step * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        try (TensorBytes.Reader reader = tensor.source().open()) {
            for (int done = 0; done < count; done += step) {
                int n = Math.min(step, count - done);
                piece.clear().limit(n * Integer.BYTES);
                tensor.fill(reader, piece, (long) done * Integer.BYTES);
                piece.flip().asIntBuffer().get(numbers, done, n);
            }
        }
        return numbers;
    }
}
