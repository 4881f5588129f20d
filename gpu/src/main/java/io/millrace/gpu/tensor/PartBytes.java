package io.millrace.gpu.tensor;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Bytes of one of the equal parts of a tensor.
 *
 * @param whole which the hashes of the parts' pieces are the hash of, together
 * @param source of the whole
 * @param shared hashes of all parts
 * @param index of the part
 * @param from its first byte in the whole
 */
record PartBytes(Tensor whole, TensorBytes source, PieceHashes shared, int index, long from)
        implements TensorBytes {

    @Override
    public Reader open() throws IOException {
        Reader reader = source.open();
        return new Reader() {
            @Override
            public boolean fill(ByteBuffer to, long at) throws IOException {
                return reader.fill(to, from + at);
            }

            @Override
            public void close() throws IOException {
                reader.close();
            }
        };
    }

    @Override
    public String toString() {
        return source.toString();
    }
}
