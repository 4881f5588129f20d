package io.millrace.operators.hop;

import java.util.Arrays;

/**
 * Chooses one of several channels for each hash: always the same one, unless that one has lately
 * had more than its share and {@value #SLACK} of it besides; then the next one that has not.
 *
 * <p>Lately is the last {@value #WINDOW} choices a channel or so: each choice makes all earlier
 * ones count a little less. What is counted adds up to the same sum at any time, so the bound is
 * one number. At the start each channel counts as having had its share, lest the first few choices
 * look like a crowd.
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

    /** A channel, from 0. Counts. */
    int choose(int hash) {
        int channel = Math.floorMod(hash, chosen.length);
        // Ends: not all of them can have had more than the average.
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
