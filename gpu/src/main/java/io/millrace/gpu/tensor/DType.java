package io.millrace.gpu.tensor;

/** Number format of a weight. */
public enum DType {
    F32(4),
    F16(2),
    BF16(2),

    /** Quantized from the others during loading, with one scale per row; never in a file. */
    INT8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one number. */
    public int bytes() {
        return bytes;
    }

    /** The exact value of one number, given its bits in the low end; of INT8, before its scale. */
    public float toFloat(int bits) {
        return switch (this) {
            case F32 -> Float.intBitsToFloat(bits);
            case BF16 -> Float.intBitsToFloat(bits << 16);
            case F16 -> halfToFloat(bits);
            case INT8 -> (byte) bits;
        };
    }

    /** Whether the bits are neither infinite nor NaN. */
    public boolean isFinite(int bits) {
        return switch (this) {
            case F32 -> (bits & 0x7f800000) != 0x7f800000;
            case BF16 -> (bits & 0x7f80) != 0x7f80;
            case F16 -> (bits & 0x7c00) != 0x7c00;
            case INT8 -> true;
        };
    }

    // Exponent and mantissa are shifted to those of a float; multiplying by 2^112 corrects the
    // exponent's bias and makes subnormal halves normal. Exact for every finite half.
    private static float halfToFloat(int bits) {
        return Float.intBitsToFloat((bits << 16) >> 3 & 0x8fffe000) * 0x1p112f;
    }
}
