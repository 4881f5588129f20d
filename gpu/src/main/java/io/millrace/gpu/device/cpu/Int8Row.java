package io.millrace.gpu.device.cpu;

import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.LittleEndian;

/**
 * The weights of one output, rounded to INT8: {@code docs/numerics.md}, "INT8".
 *
 * @param scale what a value is multiplied by to be near its weight
 */
record Int8Row(float scale, byte[] values) {
    private static final int MOST = 127;

    /** A float from 2^23 on has no fraction: adding this rounds to nearest even. */
    private static final float ROUNDER = 12582912f;

    /**
     * Rounds {@code n} neighbours.
     *
     * @param piece holds them from byte {@code at} on
     * @return null if one of them is not finite
     */
    static Int8Row of(DType from, byte[] piece, int at, int n) {
        float[] row = new float[n];
        boolean finite = true;
        float most = 0;
        for (int k = 0; k < n; k++) {
            int bits =
                    from == DType.F32
                            ? (int) LittleEndian.INT.get(piece, at + k * 4)
                            : (short) LittleEndian.SHORT.get(piece, at + k * 2) & 0xffff;
            finite &= from.isFinite(bits);
            row[k] = from.toFloat(bits);
            most = Math.max(most, Math.abs(row[k]));
        }
        if (!finite) {
            return null;
        }
        float scale = most / MOST;
        byte[] values = new byte[n];
        // Of numbers this small nothing is left; dividing by 0 would make NaN.
        if (scale > 0) {
            for (int k = 0; k < n; k++) {
                // A scale that is subnormal may be so coarse that the quotient is past 127.
                float quotient = Math.max(-MOST, Math.min(MOST, row[k] / scale));
                values[k] = (byte) Float.floatToRawIntBits(quotient + ROUNDER);
            }
        }
        return new Int8Row(scale, values);
    }
}
