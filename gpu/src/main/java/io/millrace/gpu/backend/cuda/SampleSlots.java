package io.millrace.gpu.backend.cuda;

import io.millrace.gpu.SamplingParameters;
import io.millrace.gpu.backend.SamplingRow;
import java.nio.ByteBuffer;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * Gives rows their slots on the device, and knows which slots the device has to be told of. A row
 * keeps its slot until another needs it, which takes that of the row not drawn for the longest
 * time. Engine thread only.
 */
final class SampleSlots {
    /** Flags, as in {@code sample_params.h}. */
    static final int REPETITION = 1;

    static final int PENALTIES = 2;
    static final int GENERAL = 4;

    /** Below it, logits over the temperature may be too large to be ranked before the maximum. */
    private static final float LEAST_PLAIN_TEMPERATURE = 0x1p-10f;

    private final int vocabulary;
    private final SamplingRow[] rows;
    private final int[] flags;
    private final long[] drawnAt;

    /** Generated tokens that the device's counts of a slot hold; -1 if they are not to be read. */
    private final int[] counted;

    private final Map<SamplingRow, Integer> slots = new IdentityHashMap<>();
    private long step;
    private int firstNew;
    private int lastNew;

    SampleSlots(int vocabulary, int slots) {
        this.vocabulary = vocabulary;
        rows = new SamplingRow[slots];
        flags = new int[slots];
        drawnAt = new long[slots];
        counted = new int[slots];
    }

    /** Begins a step of at most as many rows as there are slots. */
    void begin() {
        step++;
        firstNew = rows.length;
        lastNew = -1;
    }

    /** The slot of a row of this step. */
    int take(SamplingRow row) {
        Integer known = slots.get(row);
        int slot = known == null ? give(row) : known;
        drawnAt[slot] = step;
        return slot;
    }

    private int give(SamplingRow row) {
        int slot = 0;
        for (int i = 1; i < rows.length; i++) {
            slot = drawnAt[i] < drawnAt[slot] ? i : slot;
        }
        if (drawnAt[slot] == step) {
            throw new IllegalStateException("More rows than the " + rows.length + " slots.");
        }
        if (rows[slot] != null) {
            slots.remove(rows[slot]);
        }
        slots.put(row, slot);
        rows[slot] = row;
        flags[slot] = flags(row.parameters);
        counted[slot] = -1;
        firstNew = Math.min(firstNew, slot);
        lastNew = Math.max(lastNew, slot);
        return slot;
    }

    private int flags(SamplingParameters p) {
        float temperature = (float) p.temperature();
        boolean repetition = p.repetitionPenalty() != 1;
        boolean general =
                p.topK() > 0 && p.topK() < vocabulary
                        || p.topP() < 1
                        || (float) p.minP() > 0
                        || temperature < LEAST_PLAIN_TEMPERATURE;
        return (repetition ? REPETITION : 0)
                | (repetition || p.presencePenalty() != 0 || p.frequencyPenalty() != 0
                        ? PENALTIES
                        : 0)
                | (temperature >= Float.MIN_NORMAL && general ? GENERAL : 0);
    }

    /** Whether drawing takes more than one look at each logit. */
    boolean isGeneral(int slot) {
        return (flags[slot] & GENERAL) != 0;
    }

    /** Whether the device's counts of the slot are not those of the row's tokens. */
    boolean isMiscounted(int slot) {
        return (flags[slot] & PENALTIES) != 0 && counted[slot] != rows[slot].generatedCount;
    }

    /** The device makes the slot's counts anew, from all of the row's tokens. */
    void recounted(int slot) {
        counted[slot] = rows[slot].generatedCount;
    }

    /** The device has drawn a token for the slot, and counted it. */
    void drawn(int slot) {
        counted[slot]++;
    }

    /**
     * The first of the slots that were given in this step; larger than the last if there are none.
     */
    int firstNew() {
        return firstNew;
    }

    /** The last of the slots that were given in this step. */
    int lastNew() {
        return lastNew;
    }

    SamplingRow row(int slot) {
        return rows[slot];
    }

    /** Writes a taken slot's SampleRow of {@code sample_params.h}. */
    void write(int slot, ByteBuffer to, int at) {
        SamplingRow row = rows[slot];
        SamplingParameters p = row.parameters;
        to.putLong(at, row.seed);
        to.putDouble(at + 8, p.topP());
        to.putInt(at + 16, row.completion);
        to.putFloat(at + 20, (float) p.temperature());
        to.putInt(at + 24, p.topK());
        to.putFloat(at + 28, (float) p.minP());
        to.putFloat(at + 32, row.repetitionPenalty());
        to.putFloat(at + 36, (float) p.frequencyPenalty());
        to.putFloat(at + 40, (float) p.presencePenalty());
        to.putInt(at + 44, flags[slot]);
        to.putInt(at + 48, Math.max(0, p.logprobs()));
    }
}
