package io.millrace.gpu.device.cuda;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.driver.UploadRing;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Noise;
import io.millrace.gpu.tensor.NoiseBytes;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUDA_MEMCPY2D;
import jcuda.driver.CUmemorytype;
import jcuda.driver.JCudaDriver;

/**
 * Streams weights from their files to the GPU, piece by piece, in the layout of the kernels; noise
 * the GPU copies by itself. Owns the weights' device memory; its pinned slots, and the noise, only
 * until {@link #finish}.
 */
final class WeightUpload implements AutoCloseable {
    static final int SLOT_BYTES = 16 << 20;
    private static final int SLOTS = 3;

    /** Eight rows of a tile: what alternates in a gated weight. */
    private static final int GATED_BYTES = 1024;

    private static final String REMEDY =
            "take a smaller model, or a GPU that has more memory or less to do";

    private final CudaContext context;
    private final UploadRing ring;
    private final List<DeviceMemory> memory = new ArrayList<>();

    /** Made for the first matrix of noise. */
    private DeviceNoise noise;

    /** Of all matrices; that of the first. */
    private DType type;

    WeightUpload(CudaContext context) {
        this.context = context;
        ring = new UploadRing(context, SLOTS, SLOT_BYTES);
    }

    /** The type of all matrices. */
    DType type() {
        return type;
    }

    /** Matrices of equal width, stacked by rows to one. */
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
        TileUpload upload = new TileUpload(new Whole(target), type, k, Numerics.TILE, SLOT_BYTES);
        for (Tensor part : parts) {
            upload.write(part);
        }
        upload.finish();
        return CudaMatrix.of(target, rows, k);
    }

    /** Gate and up, their rows alternating by eight. */
    CudaMatrix gatedMatrix(Tensor gate, Tensor up) throws IOException {
        int k = width(gate);
        int rows = TileLayout.gatedRows(Math.toIntExact(gate.dim(0)));
        DeviceMemory target = allocate(TileLayout.tileBytes(rows, k, type.bytes()));
        NoiseBytes made = gate.noise();
        if (made != null && DeviceNoise.fits(k) && gate.dim(0) % TileLayout.GATED_ROWS == 0) {
            noise(made.noise()).fill(target, rows, made);
            return CudaMatrix.of(target, rows, k);
        }
        half(target, gate, k, 0);
        half(target, up, k, GATED_BYTES);
        return CudaMatrix.of(target, rows, k);
    }

    private void half(DeviceMemory target, Tensor part, int k, int offset) throws IOException {
        TileUpload upload =
                new TileUpload(
                        new EveryOther(target, offset), type, k, Numerics.TILE / 2, SLOT_BYTES);
        upload.write(part);
        upload.finish();
    }

    private DeviceNoise noise(Noise of) throws GpuException {
        if (noise == null) {
            noise = new DeviceNoise(of, context, ring, REMEDY);
        }
        return noise;
    }

    /** Vectors strung together to one, as floats. */
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

    /** A table of floats. */
    DeviceMemory floats(float[] values) throws IOException {
        DeviceMemory target = allocate((long) values.length * Float.BYTES);
        int slotFloats = SLOT_BYTES / Float.BYTES;
        for (int done = 0; done < values.length; done += slotFloats) {
            int count = Math.min(slotFloats, values.length - done);
            PinnedMemory slot = ring.next();
            slot.buffer().asFloatBuffer().put(values, done, count);
            target.copyFrom(slot, 0, (long) done * Float.BYTES, (long) count * Float.BYTES);
            ring.queued();
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
        DeviceMemory target = context.allocate("A weight", bytes, REMEDY);
        memory.add(target);
        return target;
    }

    /** Waits for the last copy, and gives the slots back. */
    void finish() {
        context.synchronize("Copying the weights");
        closeSources();
    }

    private void closeSources() {
        ring.close();
        if (noise != null) {
            noise.close();
            noise = null;
        }
    }

    @Override
    public void close() {
        closeSources();
        for (int i = memory.size() - 1; i >= 0; i--) {
            memory.get(i).close();
        }
        memory.clear();
    }

    /** Windows go to a matrix one behind the other. */
    private final class Whole implements TileUpload.Sink {
        private final DeviceMemory target;
        private PinnedMemory slot;

        Whole(DeviceMemory target) {
            this.target = target;
        }

        @Override
        public ByteBuffer window() {
            slot = ring.next();
            return slot.buffer();
        }

        @Override
        public void send(int bytes, long offset) {
            target.copyFrom(slot, 0, offset, bytes);
            ring.queued();
        }
    }

    /** Windows go into every other kilobyte of a matrix. */
    private final class EveryOther implements TileUpload.Sink {
        private final DeviceMemory target;
        private final int first;
        private PinnedMemory slot;

        EveryOther(DeviceMemory target, int first) {
            this.target = target;
            this.first = first;
        }

        @Override
        public ByteBuffer window() {
            slot = ring.next();
            return slot.buffer();
        }

        @Override
        public void send(int bytes, long offset) {
            CUDA_MEMCPY2D copy = new CUDA_MEMCPY2D();
            copy.srcMemoryType = CUmemorytype.CU_MEMORYTYPE_HOST;
            copy.srcHost = slot.at(0);
            copy.srcPitch = GATED_BYTES;
            copy.dstMemoryType = CUmemorytype.CU_MEMORYTYPE_DEVICE;
            copy.dstDevice = target.at(2 * offset + first);
            copy.dstPitch = 2 * GATED_BYTES;
            copy.WidthInBytes = GATED_BYTES;
            copy.Height = bytes / GATED_BYTES;
            check(JCudaDriver.cuMemcpy2DAsync(copy, context.stream()), "cuMemcpy2DAsync");
            ring.queued();
        }
    }
}
