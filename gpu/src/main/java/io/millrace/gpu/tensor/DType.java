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

    /**
     * The numbers of this type that are nearest to the given ones, ties to even, in their place;
     * infinite where they are beyond its range. Not of INT8.
     */
    public void round(float[] values, int length) {
        switch (this) {
            case F32 -> {}
            case BF16 -> {
                for (int i = 0; i < length; i++) {
                    values[i] = toBfloat16(values[i]);
                }
            }
            case F16 -> {
                for (int i = 0; i < length; i++) {
                    values[i] = toHalf(values[i]);
                }
            }
            case INT8 -> throw new IllegalArgumentException("INT8 needs a scale.");
        }
    }

    private static float toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return value == value
                ? Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000)
                : value;
    }

    // Below 2^-14 all halves are multiples of 2^-24, the last place of floats from 1/2 to 1.
    private static float toHalf(float value) {
        float size = Math.abs(value);
        if (size < 0x1p-14f) {
            return Math.copySign(size + 0.5f - 0.5f, value);
        }
        int bits = Float.floatToRawIntBits(value);
        float half = Float.intBitsToFloat(bits + 0xfff + (bits >>> 13 & 1) & 0xffffe000);
        return Math.abs(half) < 0x1p16f ? half : value * Float.POSITIVE_INFINITY;
    }

    // Exponent and mantissa are shifted to those of a float; multiplying by 2^112 corrects the
    // exponent's bias and makes subnormal halves normal. Exact for every finite half.
    private static float halfToFloat(int bits) {
        return Float.intBitsToFloat((bits << 16) >> 3 & 0x8fffe000) * 0x1p112f;
    }
}
