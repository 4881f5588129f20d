package io.millrace.gpu.tensor;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Where the bytes of a tensor come from; for people, what {@code toString} says. */
interface TensorBytes {

    /** Opens them for any number of threads. */
    Reader open() throws IOException;

    /** Bytes that are open. Any thread, but for closing. */
    interface Reader extends Closeable {

        /**
         * Fills what remains of a buffer.
         *
         * @param from byte of the tensor to begin at
         * @return false if they end before
         */
        boolean fill(ByteBuffer to, long from) throws IOException;

        @Override
        default void close() throws IOException {}
    }
}
