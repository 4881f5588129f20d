package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.StripKernels.LANES;
import static io.millrace.gpu.device.cpu.StripKernels.STRIP;

import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.LittleEndian;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.List;

/** One weight matrix in the layout of {@link StripKernels}, logically (outputs, inputs). */
final class StripMatrix {
    // The rows of a strip are packed in pieces of this many k, which stay in the L1 cache.
    private static final int PACK_K = 128;

    /**
     * The row of zeros that fills the upper half of a strip if the matrix ends in its lower half.
     */
    private static final byte[] NO_ROW = new byte[2 * PACK_K];

    final DType type;

    /** Number of strips; the last may have columns beyond {@link #outputs}, which are zero. */
    final int strips;

    /** Number of outputs. */
    final int outputs;

    /** Number of columns in use: the outputs, or for a gated matrix all columns of its strips. */
    final int columns;

    /** Number of inputs: the length of an accumulation chain. */
    final int inputs;

    /** F32 weights, or null. */
    final float[] floats;

    /** Pairs of F16 or BF16 weights, or null. */
    final int[] pairs;

    /** INT8 weights, or null. */
    final byte[] bytes;

    /** For INT8 weights the factor of each column's sums; otherwise null. */
    final float[] scales;

    private StripMatrix(DType type, int strips, int outputs, int columns, int inputs)
            throws InvalidModelException {
        this.type = type;
        this.strips = strips;
        this.outputs = outputs;
        this.columns = columns;
        this.inputs = inputs;
        long length = arrayLength(type, strips, inputs);
        if (length > Integer.MAX_VALUE - 16) {
            throw new InvalidModelException(
                    "A weight of %d x %d numbers is too large for the CPU backend."
                            .formatted(outputs, inputs));
        }
        floats = type == DType.F32 ? new float[(int) length] : null;
        pairs = type == DType.F16 || type == DType.BF16 ? new int[(int) length] : null;
        bytes = type == DType.INT8 ? new byte[(int) length] : null;
        scales = type == DType.INT8 ? new float[strips * STRIP] : null;
    }

    private static long arrayLength(DType type, int strips, int inputs) {
        return switch (type) {
            case F32 -> (long) strips * inputs * STRIP;
            case F16, BF16 -> (long) strips * inputs * LANES;
            case INT8 -> (strips + 1L) / 2 * inputs * 2 * STRIP;
        };
    }

    /**
     * Loads matrices of equal width, stacked by rows.
     *
     * @param int8 whether to round them to INT8
     */
    static StripMatrix load(List<Tensor> parts, boolean int8, WeightLoader loader)
            throws IOException {
        int outputs = 0;
        for (Tensor part : parts) {
            outputs = Math.addExact(outputs, Math.toIntExact(part.dim(0)));
        }
        int inputs = Math.toIntExact(parts.get(0).dim(1));
        int strips = (outputs + STRIP - 1) / STRIP;
        StripMatrix matrix = new StripMatrix(type(parts, int8), strips, outputs, outputs, inputs);
        int first = 0;
        for (Tensor part : parts) {
            matrix.load(part, first, STRIP, 0, loader);
            first += (int) part.dim(0);
        }
        return matrix;
    }

    /**
     * Loads two matrices of the same shape so that each strip has a vector of columns of the first
     * and the same columns of the second.
     *
     * @param int8 whether to round them to INT8
     */
    static StripMatrix loadGated(Tensor gate, Tensor up, boolean int8, WeightLoader loader)
            throws IOException {
        int outputs = Math.toIntExact(gate.dim(0));
        int inputs = Math.toIntExact(gate.dim(1));
        int strips = (outputs + LANES - 1) / LANES;
        StripMatrix matrix =
                new StripMatrix(
                        type(List.of(gate, up), int8), strips, outputs, strips * STRIP, inputs);
        if (matrix.pairs != null) {
            loader.load(
                    List.of(gate, up),
                    (pieces, length, firstRow) ->
                            matrix.packGated(gate, up, pieces, length, (int) firstRow));
        } else {
            matrix.load(gate, 0, LANES, 0, loader);
            matrix.load(up, 0, LANES, LANES, loader);
        }
        return matrix;
    }

    /**
     * The stored type: INT8, or the type of all parts, or F32, which represents each of them
     * exactly.
     */
    private static DType type(List<Tensor> parts, boolean int8) throws InvalidModelException {
        if (int8) {
            return DType.INT8;
        }
        DType type = parts.get(0).dtype();
        for (Tensor part : parts) {
            if (part.dtype() != type) {
                return DType.F32;
            }
        }
        return type;
    }

    /** Lays rows out: row r becomes column {@code lane + (first + r) % perStrip} of a strip. */
    private void load(Tensor tensor, int first, int perStrip, int lane, WeightLoader loader)
            throws IOException {
        if (!tensor.isTransposed() && (pairs == null || first % STRIP == 0)) {
            loader.load(
                    List.of(tensor),
                    (pieces, length, firstRow) -> {
                        int begin = first + (int) firstRow;
                        if (pairs == null) {
                            packRows(tensor, pieces[0], length, begin, perStrip, lane);
                        } else {
                            packStacked(tensor, pieces[0], length, begin);
                        }
                    });
            return;
        }
        // This piece may share ints with other pieces, and with the end of the part before.
        loader.finish();
        tensor.read(
                1,
                (piece, length, firstRow) ->
                        packRows(tensor, piece, length, first + (int) firstRow, perStrip, lane));
    }

    /**
     * Lays out rows one by one, possibly into halves of ints; one thread at a time if ints are
     * shared.
     */
    private void packRows(
            Tensor tensor, byte[] piece, int length, int begin, int perStrip, int lane)
            throws InvalidModelException {
        if (bytes != null) {
            quantizeRows(tensor, piece, length, begin, perStrip, lane);
            return;
        }
        DType from = tensor.dtype();
        int rowBytes = inputs * from.bytes();
        int end = begin + length / rowBytes;
        boolean finite = true;
        for (int strip = begin / perStrip; strip * perStrip < end; strip++) {
            int firstRow = Math.max(begin, strip * perStrip);
            int endRow = Math.min(end, (strip + 1) * perStrip);
            for (int k = 0; k < inputs; k += PACK_K) {
                int n = Math.min(PACK_K, inputs - k);
                for (int row = firstRow; row < endRow; row++) {
                    int at = (row - begin) * rowBytes + k * from.bytes();
                    finite &= packRun(from, piece, at, n, strip, k, lane + row % perStrip);
                }
            }
        }
        if (!finite) {
            throw tensor.notFinite();
        }
    }

    /** Lays out whole strips of one tensor, both halves of an int at once. */
    private void packStacked(Tensor tensor, byte[] piece, int length, int begin)
            throws InvalidModelException {
        int rowBytes = inputs * type.bytes();
        int end = begin + length / rowBytes;
        boolean finite = true;
        for (int strip = begin / STRIP; strip * STRIP < end; strip++) {
            for (int k = 0; k < inputs; k += PACK_K) {
                int n = Math.min(PACK_K, inputs - k);
                int to = offset(strip) + k * LANES;
                int lows = Math.min(end, strip * STRIP + LANES);
                for (int row = strip * STRIP; row < lows; row++, to++) {
                    int at = (row - begin) * rowBytes + k * type.bytes();
                    boolean pair = row + LANES < end;
                    byte[] high = pair ? piece : NO_ROW;
                    finite &= packPair(piece, at, high, pair ? at + LANES * rowBytes : 0, n, to);
                }
            }
        }
        if (!finite) {
            throw tensor.notFinite();
        }
    }

    /** Lays out rows of two tensors, {@code begin} a multiple of LANES. */
    private void packGated(Tensor gate, Tensor up, byte[][] pieces, int length, int begin)
            throws InvalidModelException {
        int rowBytes = inputs * type.bytes();
        int end = begin + length / rowBytes;
        boolean finite = true;
        for (int strip = begin / LANES; strip * LANES < end; strip++) {
            for (int k = 0; k < inputs; k += PACK_K) {
                int n = Math.min(PACK_K, inputs - k);
                int to = offset(strip) + k * LANES;
                for (int row = strip * LANES; row < Math.min(end, (strip + 1) * LANES); row++) {
                    int at = (row - begin) * rowBytes + k * type.bytes();
                    finite &= packPair(pieces[0], at, pieces[1], at, n, to++);
                }
            }
        }
        if (!finite) {
            throw (isFinite(pieces[0], length) ? up : gate).notFinite();
        }
    }

    /**
     * Lays out {@code n} consecutive elements of two rows as pairs, from {@code to} on; false if
     * one of them is not finite.
     */
    private boolean packPair(byte[] low, int lowAt, byte[] high, int highAt, int n, int to) {
        int exponent = type == DType.BF16 ? 0x7f80 : 0x7c00;
        int exponents = exponent << 16 | exponent;
        // The addition carries into the sign bit exactly if all bits of the exponent are ones.
        int lastBits = exponents & ~(exponents << 1);
        int carries = 0;
        int i = 0;
        for (; i + 1 < n; i += 2) {
            int a = (int) LittleEndian.INT.get(low, lowAt + i * 2);
            int b = (int) LittleEndian.INT.get(high, highAt + i * 2);
            carries |= (a & exponents) + lastBits | (b & exponents) + lastBits;
            pairs[to + i * LANES] = a & 0xffff | b << 16;
            pairs[to + (i + 1) * LANES] = a >>> 16 | b & 0xffff0000;
        }
        if (i < n) {
            int a = (short) LittleEndian.SHORT.get(low, lowAt + i * 2) & 0xffff;
            int b = (short) LittleEndian.SHORT.get(high, highAt + i * 2) << 16;
            carries |= ((a | b) & exponents) + lastBits;
            pairs[to + i * LANES] = a | b;
        }
        return (carries & 0x80008000) == 0;
    }

    private boolean isFinite(byte[] piece, int length) {
        boolean finite = true;
        for (int at = 0; at < length; at += 2) {
            finite &= type.isFinite((short) LittleEndian.SHORT.get(piece, at) & 0xffff);
        }
        return finite;
    }

    /** Rounds rows to INT8; rows share no bytes, so pieces may come in any order. */
    private void quantizeRows(
            Tensor tensor, byte[] piece, int length, int begin, int perStrip, int lane)
            throws InvalidModelException {
        DType from = tensor.dtype();
        int rowBytes = inputs * from.bytes();
        int end = begin + length / rowBytes;
        for (int row = begin; row < end; row++) {
            int at = (row - begin) * rowBytes;
            if (!quantize(from, piece, at, row / perStrip, lane + row % perStrip)) {
                throw tensor.notFinite();
            }
        }
    }

    /** Rounds a row to INT8 and lays it out; false if one of its elements is not finite. */
    private boolean quantize(DType from, byte[] piece, int at, int strip, int column) {
        Int8Row row = Int8Row.of(from, piece, at, inputs);
        if (row == null) {
            return false;
        }
        scales[strip * STRIP + column] = row.scale();
        // A lane has four bytes; strips with an even number have the lower two.
        int to = offset(strip) + column % LANES * 4 + strip % 2 * 2 + column / LANES;
        for (int k = 0; k < inputs; k++) {
            bytes[to + k * 2 * STRIP] = row.values()[k];
        }
        return true;
    }

    /** Lays out {@code n} consecutive elements of a row; false if one of them is not finite. */
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

    /** Copies the weights of one output, widened to F32. Not for INT8. */
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

    /** Adds the weights of one output, widened to F32. Not for INT8. */
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

    /** Index of a strip in its array; for INT8, of the pair of strips that it belongs to. */
    int offset(int strip) {
        return (int) arrayLength(type, bytes != null ? strip & ~1 : strip, inputs);
    }
}
