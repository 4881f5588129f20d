package io.millrace.gpu.tensor;

/** Turns floats into numbers of other formats. */
final class NumberBits {
    private NumberBits() {}

    /** Writes a number, little-endian; cut towards zero where the format holds less of it. */
    static void put(DType type, float value, byte[] to, int at) {
        switch (type) {
            case F32 -> LittleEndian.INT.set(to, at, Float.floatToRawIntBits(value));
            case BF16 ->
                    LittleEndian.SHORT.set(to, at, (short) (Float.floatToRawIntBits(value) >>> 16));
            case F16 -> LittleEndian.SHORT.set(to, at, half(value));
            case INT8 -> throw new IllegalArgumentException("INT8 needs a scale.");
        }
    }

    // The product corrects the exponent's bias, and makes what is small a subnormal half.
    private static short half(float value) {
        int bits = Float.floatToRawIntBits(value * 0x1p-112f);
        return (short) ((bits >>> 16 & 0x8000) | (bits & 0x7fffffff) >>> 13);
    }
}
