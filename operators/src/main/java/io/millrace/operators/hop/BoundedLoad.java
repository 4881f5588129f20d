package io.millrace.operators.hop;

import java.util.Arrays;

/**
 * Consistent hashing with bounded load: chooses a channel for each hash, always the same one unless
 * its recent load exceeds the average by more than {@value #SLACK} of it; then the next one below
 * that bound.
 *
 * <p>Recent load is about the last {@value #WINDOW} choices per channel, exponentially decayed. The
 * decayed loads always add up to the same sum, so the bound is constant. At the start each channel
 * has the average load, so that the first choices do not exceed the bound.
 */
final class BoundedLoad {
    static final double SLACK = 0.25;
    static final int WINDOW = 256;

    private static final double BOUND = (1 + SLACK) * WINDOW;

    private final double[] chosen;
    private final double decay;

    BoundedLoad(int channels) {
        chosen = new double[channels];
        Arrays.fill(chosen, WINDOW);
        decay = 1 - 1.0 / ((double) WINDOW * channels);
    }

    /** Chooses a channel, from 0, and counts the choice. */
    int choose(int hash) {
        int channel = Math.floorMod(hash, chosen.length);
        // Terminates: not all channels can exceed the average.
        while (chosen[channel] > BOUND) {
            channel = (channel + 1) % chosen.length;
        }
        for (int i = 0; i < chosen.length; i++) {
            chosen[i] *= decay;
        }
        chosen[channel]++;
        return channel;
    }
}
