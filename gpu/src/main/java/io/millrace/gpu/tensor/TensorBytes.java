package io.millrace.gpu.tensor;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The source of a tensor's bytes; {@code toString} is its display name. */
interface TensorBytes {

    /** Opens the source for any number of threads. */
    Reader open() throws IOException;

    /** An open source. Any thread may read; one closes. */
    interface Reader extends Closeable {

        /**
         * Fills the remaining bytes of a buffer.
         *
         * @param from first byte of the tensor
         * @return false if the source ends before
         */
        boolean fill(ByteBuffer to, long from) throws IOException;

        @Override
        default void close() throws IOException {}
    }
}
