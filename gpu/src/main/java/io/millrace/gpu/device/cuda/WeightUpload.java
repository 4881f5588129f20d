package io.millrace.gpu.device.cuda;

import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.UploadRing;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.Kernel;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.RowTiles;
import io.millrace.gpu.device.cuda.kernel.RowTiles.Alternate;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.TileParams;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Noise;
import io.millrace.gpu.tensor.NoiseBytes;
import io.millrace.gpu.tensor.PieceReader;
import io.millrace.gpu.tensor.PieceThreads;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Loads weights from files to the GPU, asynchronously: several threads read and hash pieces
 * directly into pinned slots, from which a kernel lays them out in tiles; noise is copied on the
 * GPU. Owns the weights' device memory, and until {@link #finish} the threads, slots and noise.
 *
 * <pre>
 * file -> slot (read and hashed by any of the threads) -> tiles (by the GPU, over the bus)
 * </pre>
 */
final class WeightUpload implements AutoCloseable {
    /** With this many threads, hashing is faster than the bus. */
    private static final int MOST_THREADS = 16;

    /** Large enough for the bus, small enough to stay in a core's cache from reading to hashing. */
    static final int SLOT_BYTES = 2 << 20;

    private static final String REMEDY =
            "take a smaller model, or a GPU that has more memory or less to do";

    private final CudaContext context;
    private final KernelModules kernels;
    private final PieceThreads<TileParams> threads;
    private final int slots;
    private final Scope memory = new Scope();

    /** Replaced by a larger one if pieces are larger than its slots. */
    private volatile UploadRing ring;

    /** Tensors whose rows the GPU checks, by number. */
    private final List<Tensor> checked = new ArrayList<>();

    /** Receives the least number of a tensor that is refused. */
    private DeviceMemory refused;

    private Kernel kernel;

    /** Allocated for the first matrix of noise. */
    private DeviceNoise noise;

    /** The type of all matrices: that of the first. */
    private DType type;

    WeightUpload(CudaContext context, KernelModules kernels) {
        this.context = context;
        this.kernels = kernels;
        int count = Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
        slots = 2 * count;
        ring = new UploadRing(context, slots, SLOT_BYTES);
        threads = new PieceThreads<>(count, TileParams::new);
    }

    /** The type of all matrices. */
    DType type() {
        return type;
    }

    /**
     * Loads matrices of equal width, stacked by rows to one; complete once {@link #finish} returns.
     */
    CudaMatrix matrix(List<Tensor> parts) throws IOException {
        int k = width(parts.get(0));
        int rows = 0;
        for (Tensor part : parts) {
            rows += Math.toIntExact(part.dim(0));
        }
        DeviceMemory target = allocate(TileLayout.tileBytes(rows, k, type.bytes()));
        NoiseBytes made = parts.get(0).noise();
        if (made != null && DeviceNoise.fits(k)) {
            noise(made.noise()).fill(target, rows, made);
            return CudaMatrix.of(target, rows, k);
        }
        int first = 0;
        for (Tensor part : parts) {
            layOut(part, target, k, Alternate.NONE, first);
            first += Math.toIntExact(part.dim(0));
        }
        return CudaMatrix.of(target, rows, k);
    }

    /** Loads gate and up, whose rows alternate by eight; complete once {@link #finish} returns. */
    CudaMatrix gatedMatrix(Tensor gate, Tensor up) throws IOException {
        int k = width(gate);
        int rows = TileLayout.gatedRows(Math.toIntExact(gate.dim(0)));
        DeviceMemory target = allocate(TileLayout.tileBytes(rows, k, type.bytes()));
        NoiseBytes made = gate.noise();
        if (made != null && DeviceNoise.fits(k) && gate.dim(0) % TileLayout.GATED_ROWS == 0) {
            noise(made.noise()).fill(target, rows, made);
            return CudaMatrix.of(target, rows, k);
        }
        layOut(gate, target, k, Alternate.GATE, 0);
        layOut(up, target, k, Alternate.UP, 0);
        return CudaMatrix.of(target, rows, k);
    }

    /**
     * Starts to lay out a tensor's rows.
     *
     * @param first row of the target at which they begin
     */
    private void layOut(Tensor part, DeviceMemory target, int k, Alternate alternate, int first)
            throws IOException {
        if (part.dtype() != type) {
            throw new InvalidModelException(
                    "Tensor %s is %s where others are %s; on the GPU, all matrices of a model have one type."
                            .formatted(part.name(), part.dtype(), type));
        }
        String name = type.name().toLowerCase(Locale.ROOT);
        if (kernel == null) {
            kernel = kernels.kernel(RowTiles.kernel(name));
            refused = allocate(Integer.BYTES);
            // Numbers of tensors are smaller.
            refused.fill(-1);
        }
        RowTiles tiles =
                new RowTiles(
                        target,
                        name,
                        k * type.bytes(),
                        Numerics.pad(k) * type.bytes(),
                        alternate,
                        refused,
                        checked.size());
        checked.add(part);
        if (part.isTransposed()) {
            transposed(part, tiles, first);
            return;
        }
        PieceUpload pieces = new PieceUpload(part.openPieces(), tiles, first);
        if (pieces.leastBytes() > ring.slotBytes()) {
            threads.finish();
            context.synchronize("Copying the weights");
            ring.close();
            ring = new UploadRing(context, slots, pieces.leastBytes());
        }
        threads.run(pieces);
    }

    /** Sends a tensor whose rows are in memory already; on the caller's thread. */
    private void transposed(Tensor part, RowTiles tiles, int first) throws IOException {
        part.read(
                1,
                (all, length, firstRow) -> {
                    int rowBytes = tiles.rowBytes();
                    int most = Math.max(1, ring.slotBytes() / rowBytes) * rowBytes;
                    for (int done = 0; done < length; done += most) {
                        int bytes = Math.min(most, length - done);
                        UploadRing.Slot slot = ring.next();
                        slot.memory().buffer().put(0, all, done, bytes);
                        int row = first + done / rowBytes;
                        send(slot, tiles, bytes, row, threads.ofCaller());
                    }
                });
    }

    /** Queues the kernel that lays a slot's rows out, and returns the slot to the ring. */
    private void send(
            UploadRing.Slot slot, RowTiles tiles, int bytes, int firstRow, TileParams params) {
        try {
            int count = bytes / tiles.rowBytes();
            kernel.launch(
                    "weights",
                    tiles.write(params, slot.memory().address(), count, firstRow),
                    tiles.launch(count),
                    context.queue());
        } finally {
            slot.queued();
        }
    }

    private DeviceNoise noise(Noise of) throws GpuException {
        if (noise == null) {
            noise = new DeviceNoise(of, context, REMEDY);
        }
        return noise;
    }

    /** Loads vectors, concatenated to one, as floats. */
    DeviceMemory vector(List<Tensor> parts) throws IOException {
        List<float[]> pieces = new ArrayList<>();
        int length = 0;
        for (Tensor part : parts) {
            pieces.add(part.readFloats());
            length += pieces.get(pieces.size() - 1).length;
        }
        float[] values = new float[length];
        int at = 0;
        for (float[] piece : pieces) {
            System.arraycopy(piece, 0, values, at, piece.length);
            at += piece.length;
        }
        return floats(values);
    }

    /** Loads a table of floats. */
    DeviceMemory floats(float[] values) throws IOException {
        DeviceMemory target = allocate((long) values.length * Float.BYTES);
        int slotFloats = SLOT_BYTES / Float.BYTES;
        for (int done = 0; done < values.length; done += slotFloats) {
            int count = Math.min(slotFloats, values.length - done);
            UploadRing.Slot slot = ring.next();
            slot.memory().buffer().asFloatBuffer().put(values, done, count);
            target.copyFrom(
                    slot.memory(), 0, (long) done * Float.BYTES, (long) count * Float.BYTES);
            slot.queued();
        }
        return target;
    }

    private int width(Tensor part) throws InvalidModelException {
        if (type == null) {
            type = part.dtype();
        }
        return Math.toIntExact(part.dim(1));
    }

    private DeviceMemory allocate(long bytes) throws GpuException {
        return memory.add(context.allocate("A weight", bytes, REMEDY));
    }

    /**
     * Waits until all weights are loaded, and frees threads, slots and noise.
     *
     * @throws InvalidModelException a weight is not finite, or a file is too short
     */
    void finish() throws IOException {
        threads.finish();
        UploadRing.Slot slot = ring.next();
        if (refused != null) {
            refused.copyTo(slot.memory(), 0, Integer.BYTES);
        }
        context.synchronize("Copying the weights");
        int number = refused == null ? -1 : slot.memory().buffer().getInt(0);
        slot.queued();
        if (number >= 0) {
            throw checked.get(number).notFinite();
        }
        closeSources();
    }

    private void closeSources() {
        try {
            threads.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            // After a failure the GPU may still be reading slots.
            context.settle();
            ring.close();
            if (noise != null) {
                noise.close();
                noise = null;
            }
        }
    }

    @Override
    public void close() {
        try {
            closeSources();
        } finally {
            memory.close();
        }
    }

    /** Uploads a tensor's pieces, as many per slot as fit. */
    private final class PieceUpload implements PieceThreads.Job<TileParams> {
        private final PieceReader reader;
        private final RowTiles tiles;
        private final int first;
        private final int perSlot;

        PieceUpload(PieceReader reader, RowTiles tiles, int first) {
            this.reader = reader;
            this.tiles = tiles;
            this.first = first;
            perSlot = Math.max(1, SLOT_BYTES / reader.pieceBytes());
        }

        /** Least bytes of a slot. */
        int leastBytes() {
            return reader.pieceBytes();
        }

        @Override
        public int units() {
            return (reader.pieces() + perSlot - 1) / perSlot;
        }

        @Override
        public long unitBytes() {
            return (long) perSlot * reader.pieceBytes();
        }

        @Override
        public void run(int unit, TileParams own) throws IOException {
            context.enter();
            int piece = unit * perSlot;
            int end = Math.min(piece + perSlot, reader.pieces());
            int row = first + Math.toIntExact(reader.firstRow(piece));
            UploadRing.Slot slot = ring.next();
            ByteBuffer bytes = slot.memory().buffer().duplicate();
            boolean sent = false;
            try {
                for (; piece < end; piece++) {
                    reader.read(piece, bytes);
                }
                sent = true;
                send(slot, tiles, bytes.position(), row, own);
            } finally {
                if (!sent) {
                    slot.queued();
                }
            }
        }

        /** Gives the tensor its hash, if it was read completely. */
        @Override
        public void close() throws IOException {
            reader.close();
        }
    }
}
