package io.millrace.gpu.tensor;

/** Converts floats to other number formats. */
final class NumberBits {
    private NumberBits() {}

    /** Writes a number, little-endian, rounded towards zero; exact for numbers of the type. */
    static void put(DType type, float value, byte[] to, int at) {
        switch (type) {
            case F32 -> LittleEndian.INT.set(to, at, Float.floatToRawIntBits(value));
            case BF16 ->
                    LittleEndian.SHORT.set(to, at, (short) (Float.floatToRawIntBits(value) >>> 16));
            case F16 -> LittleEndian.SHORT.set(to, at, half(value));
            case INT8 -> throw new IllegalArgumentException("INT8 needs a scale.");
        }
    }

    // Multiplying corrects the exponent's bias, and makes small values subnormal halves.
    private static short half(float value) {
        int bits = Float.floatToRawIntBits(value * 0x1p-112f);
        return (short) ((bits >>> 16 & 0x8000) | (bits & 0x7fffffff) >>> 13);
    }
}
