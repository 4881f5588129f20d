package io.millrace.gpu.backend.cpu;

import static io.millrace.gpu.backend.cpu.StripKernels.LANES;
import static io.millrace.gpu.backend.cpu.StripKernels.STRIP;

import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.LittleEndian;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.List;

/** One weight matrix in the layout of {@link StripKernels}, logically (outputs, inputs). */
final class StripMatrix {
    // Packing walks down the rows of a strip in pieces of this many k, which stay in the L1 cache.
    private static final int PACK_K = 128;

    final DType type;

    /** Number of strips; the last may have columns beyond {@link #outputs}, which are zero. */
    final int strips;

    /** Number of outputs. */
    final int outputs;

    /** Number of columns in use: the outputs, or for a gated matrix all of its strips'. */
    final int columns;

    /** Length of a chain. */
    final int inputs;

    /** F32 weights, or null. */
    final float[] floats;

    /** Pairs of F16 or BF16 weights, or null. */
    final int[] pairs;

    private StripMatrix(DType type, int strips, int outputs, int columns, int inputs)
            throws InvalidModelException {
        this.type = type;
        this.strips = strips;
        this.outputs = outputs;
        this.columns = columns;
        this.inputs = inputs;
        long length = (long) strips * inputs * (type == DType.F32 ? STRIP : LANES);
        if (length > Integer.MAX_VALUE - 16) {
            throw new InvalidModelException(
                    "A weight of %d x %d numbers is too large for the CPU backend."
                            .formatted(outputs, inputs));
        }
        floats = type == DType.F32 ? new float[(int) length] : null;
        pairs = type == DType.F32 ? null : new int[(int) length];
    }

    /** Loads matrices of equal width, stacked by rows. */
    static StripMatrix load(List<Tensor> parts, Workers workers) throws IOException {
        int outputs = 0;
        for (Tensor part : parts) {
            outputs = Math.addExact(outputs, Math.toIntExact(part.dim(0)));
        }
        int inputs = Math.toIntExact(parts.get(0).dim(1));
        int strips = (outputs + STRIP - 1) / STRIP;
        StripMatrix matrix = new StripMatrix(common(parts), strips, outputs, outputs, inputs);
        int first = 0;
        for (Tensor part : parts) {
            matrix.pack(part, first, STRIP, 0, workers);
            first += (int) part.dim(0);
        }
        return matrix;
    }

    /**
     * Loads two matrices of one shape so that each strip has a vector of columns of the first and
     * the same columns of the second.
     */
    static StripMatrix loadGated(Tensor gate, Tensor up, Workers workers) throws IOException {
        int outputs = Math.toIntExact(gate.dim(0));
        int inputs = Math.toIntExact(gate.dim(1));
        int strips = (outputs + LANES - 1) / LANES;
        StripMatrix matrix =
                new StripMatrix(common(List.of(gate, up)), strips, outputs, strips * STRIP, inputs);
        matrix.pack(gate, 0, LANES, 0, workers);
        matrix.pack(up, 0, LANES, LANES, workers);
        return matrix;
    }

    /** The type of all parts, or F32, which holds each of them exactly. */
    private static DType common(List<Tensor> parts) throws InvalidModelException {
        DType type = parts.get(0).dtype();
        for (Tensor part : parts) {
            if (part.dtype() != type) {
                return DType.F32;
            }
        }
        return type;
    }

    /** Row r becomes column {@code lane + (first + r) % perStrip} of a strip. */
    private void pack(Tensor tensor, int first, int perStrip, int lane, Workers workers)
            throws IOException {
        DType from = tensor.dtype();
        int rowBytes = inputs * from.bytes();
        boolean[] bad = {false};
        tensor.read(
                perStrip,
                (piece, length, firstRow) -> {
                    int begin = first + (int) firstRow;
                    int end = begin + length / rowBytes;
                    int firstStrip = begin / perStrip;
                    int lastStrip = (end - 1) / perStrip;
                    workers.run(
                            lastStrip - firstStrip + 1,
                            (task, worker) -> {
                                int strip = firstStrip + task;
                                int from0 = Math.max(begin, strip * perStrip);
                                int to = Math.min(end, (strip + 1) * perStrip);
                                for (int k = 0; k < inputs; k += PACK_K) {
                                    int n = Math.min(PACK_K, inputs - k);
                                    for (int row = from0; row < to; row++) {
                                        int at = (row - begin) * rowBytes + k * from.bytes();
                                        int column = lane + row % perStrip;
                                        if (!packRun(from, piece, at, n, strip, k, column)) {
                                            bad[0] = true;
                                        }
                                    }
                                }
                            });
                    if (bad[0]) {
                        throw tensor.notFinite();
                    }
                });
    }

    /** Lays out {@code n} neighbours of a row; false if one of them is not finite. */
    private boolean packRun(DType from, byte[] piece, int at, int n, int strip, int k, int column) {
        boolean finite = true;
        if (floats != null) {
            int to = (strip * inputs + k) * STRIP + column;
            for (int i = 0; i < n; i++) {
                int bits =
                        from == DType.F32
                                ? (int) LittleEndian.INT.get(piece, at + i * 4)
                                : (short) LittleEndian.SHORT.get(piece, at + i * 2) & 0xffff;
                finite &= from.isFinite(bits);
                floats[to + i * STRIP] = from.toFloat(bits);
            }
            return finite;
        }
        int to = (strip * inputs + k) * LANES + column % LANES;
        int shift = column < LANES ? 0 : 16;
        int exponent = from == DType.BF16 ? 0x7f80 : 0x7c00;
        for (int i = 0; i < n; i++) {
            int bits = (short) LittleEndian.SHORT.get(piece, at + i * 2) & 0xffff;
            finite &= (bits & exponent) != exponent;
            pairs[to + i * LANES] |= bits << shift;
        }
        return finite;
    }

    /** Copies the weights of one output, widened. */
    void row(int output, float[] to, int offset) {
        int strip = output / STRIP;
        int column = output % STRIP;
        if (floats != null) {
            int at = strip * inputs * STRIP + column;
            for (int k = 0; k < inputs; k++) {
                to[offset + k] = floats[at + k * STRIP];
            }
            return;
        }
        int at = strip * inputs * LANES + column % LANES;
        int shift = column < LANES ? 0 : 16;
        for (int k = 0; k < inputs; k++) {
            to[offset + k] = type.toFloat(pairs[at + k * LANES] >>> shift & 0xffff);
        }
    }

    /** Adds the weights of one output, widened. */
    void addRow(int output, float[] to, int offset) {
        int strip = offset(output / STRIP);
        int column = output % STRIP;
        for (int k = 0; k < inputs; k++) {
            to[offset + k] +=
                    floats != null
                            ? floats[strip + column + k * STRIP]
                            : type.toFloat(
                                    pairs[strip + column % LANES + k * LANES]
                                                    >>> (column < LANES ? 0 : 16)
                                            & 0xffff);
        }
    }

    /** Where a strip begins in its array. */
    int offset(int strip) {
        return strip * inputs * (floats != null ? STRIP : LANES);
    }

    /** Bytes of memory. */
    long bytes() {
        return 4L * (floats != null ? floats.length : pairs.length);
    }
}
