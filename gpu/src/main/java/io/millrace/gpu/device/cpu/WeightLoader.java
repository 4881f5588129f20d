package io.millrace.gpu.device.cpu;

import io.millrace.gpu.tensor.PieceReader;
import io.millrace.gpu.tensor.PieceThreads;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads, hashes and lays out weights in pieces, on threads of its own: while the caller allocates
 * the next matrix (the JVM clears an array with one thread, and the operating system maps it page
 * by page), they fill the one before.
 *
 * <p>A piece is read, hashed and laid out by one thread, while it is in the core's cache.
 */
final class WeightLoader implements AutoCloseable {
    /** Lays a piece out. Called by any thread, for several pieces at once. */
    @FunctionalInterface
    interface Layout {

        /**
         * @param pieces the same piece of each tensor
         * @param length bytes of each of them
         * @param firstRow number of rows before it
         */
        void accept(byte[][] pieces, int length, long firstRow) throws IOException;
    }

    /** Tensors of one shape that are read together. */
    private static final class Job implements PieceThreads.Job<byte[][]> {
        private final List<PieceReader> readers = new ArrayList<>();
        private final Layout layout;

        Job(List<Tensor> tensors, Layout layout) throws IOException {
            this.layout = layout;
            for (Tensor tensor : tensors) {
                readers.add(tensor.openPieces());
            }
        }

        @Override
        public int units() {
            return readers.get(0).pieces();
        }

        @Override
        public long unitBytes() {
            return (long) readers.get(0).pieceBytes() * readers.size();
        }

        @Override
        public void run(int piece, byte[][] own) throws IOException {
            int length = 0;
            for (int i = 0; i < readers.size(); i++) {
                PieceReader reader = readers.get(i);
                if (own[i].length < reader.pieceBytes()) {
                    own[i] = new byte[reader.pieceBytes()];
                }
                length = reader.read(piece, own[i]);
            }
            layout.accept(own, length, readers.get(0).firstRow(piece));
        }

        /** Gives each tensor its hash, if it was read completely. */
        @Override
        public void close() throws IOException {
            for (PieceReader reader : readers) {
                reader.close();
            }
        }
    }

    private final PieceThreads<byte[][]> threads;

    /**
     * @param threads number of threads, the caller's included
     */
    WeightLoader(int threads) {
        this.threads = new PieceThreads<>(threads, () -> new byte[2][0]);
    }

    /**
     * Starts to read tensors of one shape and type; may return before they have been read.
     *
     * @throws IOException this or an earlier tensor could not be read
     */
    void load(List<Tensor> tensors, Layout layout) throws IOException {
        threads.run(new Job(tensors, layout));
    }

    /** Waits until all tensors are laid out. */
    void finish() throws IOException {
        threads.finish();
    }

    /** Ends the threads; tensors that are not yet laid out stay so. */
    @Override
    public void close() throws IOException {
        threads.close();
    }
}
