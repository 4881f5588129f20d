package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleEdit;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleRow;
import io.millrace.gpu.sampling.LogitEdits;
import io.millrace.gpu.sampling.SamplingFeatures;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.IntBuffer;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * Gives rows their slots on the device, and knows which slots the device has to be told of. A row
 * keeps its slot until another needs it, which takes that of the row not drawn for the longest
 * time, but of none with a draw in flight: its token is nowhere but there. Engine thread only.
 *
 * <p>Counts of penalties are kept as of the last step that was queued, ahead of the row's own:
 *
 * <pre>
 * a b c | d e        the row has three tokens, two draws are in flight: the device counts five
 * </pre>
 */
public final class SampleSlots {
    public static final int REPETITION = SampleParamsHeader.REPETITION;
    public static final int PENALTIES = SampleParamsHeader.PENALTIES;
    public static final int GENERAL = SampleParamsHeader.GENERAL;
    public static final int STOPS = SampleParamsHeader.STOPS;
    public static final int EDITS = SampleParamsHeader.EDITS;

    /** Below it, logits over the temperature may be too large to be ranked before the maximum. */
    private static final float LEAST_PLAIN_TEMPERATURE = 0x1p-10f;

    private final int vocabulary;
    private final SamplingRow[] rows;
    private final int[] flags;
    private final long[] drawnAt;

    /**
     * Generated tokens that the device's counts of a slot hold, those of draws in flight included;
     * -1 if they are not to be read.
     */
    private final int[] counted;

    /** Draws queued and not completed. */
    private final int[] inFlight;

    private final Map<SamplingRow, Integer> slots = new IdentityHashMap<>();
    private long step;

    /** Slots that were given in this step. */
    private final int[] given;

    private int givenCount;

    public SampleSlots(int vocabulary, int slots) {
        this.vocabulary = vocabulary;
        rows = new SamplingRow[slots];
        flags = new int[slots];
        drawnAt = new long[slots];
        counted = new int[slots];
        inFlight = new int[slots];
        given = new int[slots];
    }

    /** Begins a step. There have to be slots for its rows beside all with draws in flight. */
    void begin() {
        step++;
        givenCount = 0;
    }

    /**
     * The slot of a row of this step.
     *
     * @param drawn whether the row's last token is known to the device alone
     */
    int take(SamplingRow row, boolean drawn) {
        Integer known = slots.get(row);
        if (drawn && (known == null || inFlight[known] == 0)) {
            throw new IllegalArgumentException(
                    "A row's token is to be the one drawn last, and none is in flight.");
        }
        int slot = known == null ? give(row) : known;
        drawnAt[slot] = step;
        return slot;
    }

    private int give(SamplingRow row) {
        if (row.edits.size() > LogitEdits.MOST) {
            throw new IllegalArgumentException(
                    "A row changes the logits of %d tokens; there is room for %d."
                            .formatted(row.edits.size(), LogitEdits.MOST));
        }
        int slot = -1;
        for (int i = 0; i < rows.length; i++) {
            boolean free = inFlight[i] == 0 && drawnAt[i] < step;
            if (free && (slot < 0 || drawnAt[i] < drawnAt[slot])) {
                slot = i;
            }
        }
        if (slot < 0) {
            throw new IllegalStateException(
                    "More rows than the " + rows.length + " slots, or too many in flight.");
        }
        if (rows[slot] != null) {
            slots.remove(rows[slot]);
        }
        slots.put(row, slot);
        rows[slot] = row;
        flags[slot] = flags(row);
        counted[slot] = -1;
        given[givenCount++] = slot;
        return slot;
    }

    private int flags(SamplingRow row) {
        SamplingFeatures features = row.features;
        float temperature = (float) row.parameters.temperature();
        boolean general = features.isFiltered(vocabulary) || temperature < LEAST_PLAIN_TEMPERATURE;
        return (features.repetition() ? REPETITION : 0)
                | (features.penalties() ? PENALTIES : 0)
                | (general && !features.greedy() ? GENERAL : 0)
                | (stops(row) > 0 ? STOPS : 0)
                | (row.edits.size(vocabulary) > 0 ? EDITS : 0);
    }

    /** Whether drawing takes more than one look at each logit. */
    boolean isGeneral(int slot) {
        return (flags[slot] & GENERAL) != 0;
    }

    /**
     * Whether one look at each logit is enough, and nothing but the logit matters.
     *
     * @param position that is drawn for
     */
    boolean isPlain(int slot, int position) {
        boolean unedited = (flags[slot] & EDITS) == 0 || rows[slot].edits.endBefore(position);
        return (flags[slot] & (GENERAL | PENALTIES)) == 0 && unedited;
    }

    /** Whether the device's counts of the slot are not those of the row's tokens. */
    public boolean isMiscounted(int slot) {
        return (flags[slot] & PENALTIES) != 0
                && counted[slot] != rows[slot].generatedCount + inFlight[slot];
    }

    /** The device makes the slot's counts anew, from all of the row's tokens. */
    public void recounted(int slot) {
        if (inFlight[slot] != 0) {
            throw new IllegalStateException(
                    "Counts cannot be made of a row's tokens while more of them are in flight.");
        }
        counted[slot] = rows[slot].generatedCount;
    }

    /** The device will draw a token for the slot, and count it. */
    public void queued(int slot) {
        inFlight[slot]++;
        counted[slot]++;
    }

    /** The first of the slot's draws in flight is done; the row gets its token now or never. */
    public void completed(int slot) {
        if (inFlight[slot] == 0) {
            throw new IllegalStateException("Slot " + slot + " has nothing in flight.");
        }
        inFlight[slot]--;
    }

    /** How many slots were given in this step: of these the device knows nothing. */
    public int given() {
        return givenCount;
    }

    /** One of the slots that were given in this step. */
    public int given(int index) {
        return given[index];
    }

    public SamplingRow row(int slot) {
        return rows[slot];
    }

    /** Sets all fields of a taken slot's row. */
    public void write(int slot, SampleRow to) {
        SamplingRow row = rows[slot];
        SamplingParameters p = row.parameters;
        to.seed(row.seed)
                .topP(p.topP())
                .completion(row.completion)
                .temperature((float) p.temperature())
                .topK(p.topK())
                .minP((float) p.minP())
                .repetition(row.repetitionPenalty())
                .frequency((float) p.frequencyPenalty())
                .presence((float) p.presencePenalty())
                .flags(flags[slot])
                .top(Math.max(0, p.logprobs()))
                .edits(edits(slot));
    }

    /** Edits of the slot's row: those of the vocabulary. */
    public int edits(int slot) {
        return (flags[slot] & EDITS) == 0 ? 0 : rows[slot].edits.size(vocabulary);
    }

    /** Sets all fields of one of the edits of the slot's row. */
    public void writeEdit(int slot, int i, SampleEdit to) {
        LogitEdits edits = rows[slot].edits;
        to.token(edits.token(i)).bias(edits.bias(i)).until(edits.until(i));
    }

    /** Tokens that end the slot's row. */
    public int stops(int slot) {
        return (flags[slot] & STOPS) == 0 ? 0 : stops(rows[slot]);
    }

    /** Each token of the vocabulary that ends a row, once: others are never drawn. */
    private int stops(SamplingRow row) {
        int stops = 0;
        for (int i = 0; i < row.stopIds.length; i++) {
            stops += isFirst(row.stopIds, i) ? 1 : 0;
        }
        return stops;
    }

    /** They are ascending, but may be there twice. */
    private boolean isFirst(int[] stopIds, int i) {
        int id = stopIds[i];
        return id >= 0 && id < vocabulary && (i == 0 || stopIds[i - 1] != id);
    }

    /** Writes the tokens that end the slot's row. */
    public void writeStops(int slot, IntBuffer to, int at) {
        int[] stopIds = rows[slot].stopIds;
        for (int i = 0; i < stopIds.length; i++) {
            if (isFirst(stopIds, i)) {
                to.put(at++, stopIds[i]);
            }
        }
    }
}
