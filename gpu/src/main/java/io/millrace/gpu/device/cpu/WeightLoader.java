package io.millrace.gpu.device.cpu;

import io.millrace.gpu.tensor.PieceReader;
import io.millrace.gpu.tensor.PieceThreads;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads, hashes and lays out weights in pieces, behind the thread that asks for them: while it
 * allocates the next matrix (the JVM clears an array by one thread, the system backs it page by
 * page), the others fill the last one.
 *
 * <p>A piece goes from the file over its hash to its place while it is in the core's cache.
 */
final class WeightLoader implements AutoCloseable {
    /** Where a piece goes. Called by any thread, for many pieces at once. */
    @FunctionalInterface
    interface Layout {

        /**
         * @param pieces the same piece of each tensor
         * @param length bytes in use of each of them
         * @param firstRow number of rows before it
         */
        void accept(byte[][] pieces, int length, long firstRow) throws IOException;
    }

    /** Tensors of one shape that are read side by side. */
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

        /** Leaves each tensor its hash, if all of it was read. */
        @Override
        public void close() throws IOException {
            for (PieceReader reader : readers) {
                reader.close();
            }
        }
    }

    private final PieceThreads<byte[][]> threads;

    /**
     * @param threads the asking one included
     */
    WeightLoader(int threads) {
        this.threads = new PieceThreads<>(threads, () -> new byte[2][0]);
    }

    /**
     * Has tensors of one shape and type read; may return before they are.
     *
     * @throws IOException what befell this or an earlier tensor
     */
    void load(List<Tensor> tensors, Layout layout) throws IOException {
        threads.run(new Job(tensors, layout));
    }

    /** Returns when all that was asked for is laid out. */
    void finish() throws IOException {
        threads.finish();
    }

    /** Ends the threads; what is not yet laid out is left. */
    @Override
    public void close() throws IOException {
        threads.close();
    }
}
