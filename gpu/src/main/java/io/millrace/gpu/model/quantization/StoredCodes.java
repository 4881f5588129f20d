package io.millrace.gpu.model.quantization;

import io.millrace.gpu.tensor.LittleEndian;
import io.millrace.gpu.tensor.StoredNumbers;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;

/** Codes that lie row by row in a tensor, from which each row is read when it is asked for. */
final class StoredCodes implements QuantizedMatrix.Codes {
    private final StoredNumbers.StoredRows rows;
    private final int rowBytes;
    private final Decoder decoder;

    private StoredCodes(StoredNumbers.StoredRows rows, int rowBytes, Decoder decoder) {
        this.rows = rows;
        this.rowBytes = rowBytes;
        this.decoder = decoder;
    }

    private interface Decoder {
        void decode(byte[] row, float[] to);
    }

    /** One code a byte: I8 or F8_E4M3. */
    static StoredCodes bytes(Tensor tensor) throws IOException {
        boolean floats = tensor.storedType().equals(Float8.E4M3);
        if (!floats) {
            StoredNumbers.expectType(tensor, "I8");
        }
        return new StoredCodes(
                StoredNumbers.open(tensor),
                Math.toIntExact(tensor.dim(1)),
                floats ? Float8::widen : StoredCodes::widen);
    }

    /** Codes packed along the columns, offset by half of their range. */
    static StoredCodes packed(Tensor tensor, int bits) throws IOException {
        StoredNumbers.expectType(tensor, "I32");
        return new StoredCodes(
                StoredNumbers.open(tensor),
                Math.toIntExact(tensor.dim(1) * Integer.BYTES),
                (row, to) -> unpack(row, to, bits));
    }

    private static void widen(byte[] row, float[] to) {
        for (int i = 0; i < to.length; i++) {
            to[i] = row[i];
        }
    }

    private static void unpack(byte[] row, float[] to, int bits) {
        int perWord = BitFields.perWord(bits);
        int offset = 1 << bits - 1;
        for (int k = 0, at = 0; k < to.length; k += perWord, at += Integer.BYTES) {
            int word = (int) LittleEndian.INT.get(row, at);
            for (int i = 0; i < Math.min(perWord, to.length - k); i++) {
                to[k + i] = BitFields.get(word, i, bits) - offset;
            }
        }
    }

    @Override
    public void read(long row, float[] to) throws IOException {
        byte[] bytes = new byte[rowBytes];
        rows.read(row, bytes);
        decoder.decode(bytes, to);
    }

    @Override
    public void close() throws IOException {
        rows.close();
    }
}
