package io.millrace.gpu.device.cpu;

import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.LittleEndian;

/**
 * The weights of one output, rounded to INT8: {@code docs/numerics.md}, "INT8".
 *
 * @param scale factor from a value to its weight, approximately
 */
record Int8Row(float scale, byte[] values) {
    private static final int MOST = 127;

    /** Adding this rounds to nearest even, since a float from 2^23 on has no fraction. */
    private static final float ROUNDER = 12582912f;

    /**
     * Rounds {@code n} consecutive weights.
     *
     * @param piece holds the weights from byte {@code at} on
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
        // Weights this small all round to 0; a division by a scale of 0 would give NaN.
        if (scale > 0) {
            for (int k = 0; k < n; k++) {
                // A subnormal scale may be so inexact that the quotient is above 127.
                float quotient = Math.max(-MOST, Math.min(MOST, row[k] / scale));
                values[k] = (byte) Float.floatToRawIntBits(quotient + ROUNDER);
            }
        }
        return new Int8Row(scale, values);
    }
}
