package io.millrace.gpu.tensor;

import java.io.Closeable;
import java.io.IOException;

/** Where the bytes of a tensor come from; for people, what {@code toString} says. */
interface TensorBytes {

    /** Opens them for any number of threads. */
    Reader open() throws IOException;

    /** Bytes that are open. Any thread, but for closing. */
    interface Reader extends Closeable {

        /**
         * Reads bytes to the start of an array.
         *
         * @param from byte of the tensor to begin at
         * @return false if they end before
         */
        boolean fill(byte[] to, int length, long from) throws IOException;

        @Override
        default void close() throws IOException {}
    }
}
