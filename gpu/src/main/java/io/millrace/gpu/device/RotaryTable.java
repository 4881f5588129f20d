package io.millrace.gpu.device;

/**
 * Cosines and sines of rotary position embedding, by position and pair: computed once in double
 * with StrictMath and rounded, so that they are the same on every machine.
 */
public final class RotaryTable {
    /** (positions, pairs) */
    public final float[] cos;

    /** (positions, pairs) */
    public final float[] sin;

    /** Pairs per head: the i-th rotates elements i and i + pairs. */
    public final int pairs;

    /**
     * @param frequencies radians per position, one per pair
     * @param positions number of positions
     */
    public RotaryTable(double[] frequencies, int positions) {
        pairs = frequencies.length;
        cos = new float[Math.multiplyExact(positions, pairs)];
        sin = new float[cos.length];
        for (int position = 0; position < positions; position++) {
            for (int pair = 0; pair < pairs; pair++) {
                double angle = position * frequencies[pair];
                cos[position * pairs + pair] = (float) StrictMath.cos(angle);
                sin[position * pairs + pair] = (float) StrictMath.sin(angle);
            }
        }
    }

    /** Number of positions. */
    public int positions() {
        return cos.length / pairs;
    }
}
