package io.millrace.gpu.model.quantization;

/** Numbers of 8 bits with 4 of exponent and 3 of mantissa, without infinities (E4M3, "fn"). */
final class Float8 {
    /** Name of the type in safetensors. */
    static final String E4M3 = "F8_E4M3";

    private static final float[] VALUES = new float[256];

    static {
        for (int bits = 0; bits < VALUES.length; bits++) {
            int exponent = bits >> 3 & 15;
            int mantissa = bits & 7;
            float size =
                    exponent == 0
                            ? mantissa * 0x1p-9f
                            : (8 + mantissa) * Math.scalb(1f, exponent - 10);
            size = exponent == 15 && mantissa == 7 ? Float.NaN : size;
            VALUES[bits] = bits < 128 ? size : -size;
        }
    }

    private Float8() {}

    /** The exact values of a row. */
    static void widen(byte[] bits, float[] to) {
        for (int i = 0; i < to.length; i++) {
            to[i] = VALUES[bits[i] & 0xff];
        }
    }
}
