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
 * Assigns sampling slots to rows, and tracks which slots the device must initialize. A row keeps
 * its slot until another row needs one: that evicts the least recently sampled row, but none with a
 * sample in flight, whose token is on the device only. Engine thread only.
 *
 * <p>The device's counts for penalties include the tokens of all queued steps:
 *
 * <pre>
 * a b c | d e        the row has three tokens, two samples are in flight: the device counts five
 * </pre>
 */
public final class SampleSlots {
    public static final int REPETITION = SampleParamsHeader.REPETITION;
    public static final int PENALTIES = SampleParamsHeader.PENALTIES;
    public static final int FILTERED = SampleParamsHeader.FILTERED;
    public static final int STOPS = SampleParamsHeader.STOPS;
    public static final int EDITS = SampleParamsHeader.EDITS;

    /** Below it, logits / temperature may be too large to rank before the maximum is known. */
    private static final float LEAST_FAST_TEMPERATURE = 0x1p-10f;

    private final int vocabulary;
    private final SamplingRow[] rows;
    private final int[] flags;
    private final long[] sampledAt;

    /**
     * Generated tokens in the device's counts of a slot, samples in flight included; -1 if these
     * counts are invalid.
     */
    private final int[] counted;

    /** Samples queued and not completed. */
    private final int[] inFlight;

    private final Map<SamplingRow, Integer> slots = new IdentityHashMap<>();
    private long step;

    /** Slots that were assigned in this step. */
    private final int[] given;

    private int givenCount;

    public SampleSlots(int vocabulary, int slots) {
        this.vocabulary = vocabulary;
        rows = new SamplingRow[slots];
        flags = new int[slots];
        sampledAt = new long[slots];
        counted = new int[slots];
        inFlight = new int[slots];
        given = new int[slots];
    }

    /** Begins a step. The slots must suffice for its rows and for all with samples in flight. */
    void begin() {
        step++;
        givenCount = 0;
    }

    /**
     * The slot of a row of this step.
     *
     * @param onDevice whether the row's last token is known to the device alone
     */
    int take(SamplingRow row, boolean onDevice) {
        Integer known = slots.get(row);
        if (onDevice && (known == null || inFlight[known] == 0)) {
            throw new IllegalArgumentException(
                    "A row's token is to be the one sampled last, and none is in flight.");
        }
        int slot = known == null ? give(row) : known;
        sampledAt[slot] = step;
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
            boolean free = inFlight[i] == 0 && sampledAt[i] < step;
            if (free && (slot < 0 || sampledAt[i] < sampledAt[slot])) {
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
        boolean filtered = features.isFiltered(vocabulary) || temperature < LEAST_FAST_TEMPERATURE;
        return (features.repetition() ? REPETITION : 0)
                | (features.penalties() ? PENALTIES : 0)
                | (filtered && !features.greedy() ? FILTERED : 0)
                | (stops(row) > 0 ? STOPS : 0)
                | (row.edits.size(vocabulary) > 0 ? EDITS : 0);
    }

    /** Whether the row is filtered: sampling reads its logits more than once. */
    boolean isFiltered(int slot) {
        return (flags[slot] & FILTERED) != 0;
    }

    /**
     * Whether the row takes the fast path: one read per logit, without penalties, edits or mask.
     *
     * @param position the position to be sampled
     */
    boolean takesFastPath(int slot, int position) {
        boolean unedited = (flags[slot] & EDITS) == 0 || rows[slot].edits.endBefore(position);
        return (flags[slot] & (FILTERED | PENALTIES)) == 0
                && unedited
                && !rows[slot].features.masked();
    }

    /** Whether the device's counts of the slot differ from those of the row's tokens. */
    public boolean isMiscounted(int slot) {
        return (flags[slot] & PENALTIES) != 0
                && counted[slot] != rows[slot].generatedCount + inFlight[slot];
    }

    /** Notes that the device rebuilds the slot's counts from all of the row's tokens. */
    public void recounted(int slot) {
        if (inFlight[slot] != 0) {
            throw new IllegalStateException(
                    "Counts cannot be made of a row's tokens while more of them are in flight.");
        }
        counted[slot] = rows[slot].generatedCount;
    }

    /** Notes that a step is queued that samples a token for the slot and counts it. */
    public void queued(int slot) {
        inFlight[slot]++;
        counted[slot]++;
    }

    /** Notes that the slot's oldest sample in flight is done; the row must take its token now. */
    public void completed(int slot) {
        if (inFlight[slot] == 0) {
            throw new IllegalStateException("Slot " + slot + " has nothing in flight.");
        }
        inFlight[slot]--;
    }

    /** Number of slots that were assigned in this step, which the device must initialize. */
    public int given() {
        return givenCount;
    }

    /** One of the slots that were assigned in this step. */
    public int given(int index) {
        return given[index];
    }

    public SamplingRow row(int slot) {
        return rows[slot];
    }

    /** Writes the sampling parameters of the slot's row. */
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

    /** Number of edits of the slot's row, outside of the vocabulary not counted. */
    public int edits(int slot) {
        return (flags[slot] & EDITS) == 0 ? 0 : rows[slot].edits.size(vocabulary);
    }

    /** Writes one of the edits of the slot's row. */
    public void writeEdit(int slot, int i, SampleEdit to) {
        LogitEdits edits = rows[slot].edits;
        to.token(edits.token(i)).bias(edits.bias(i)).until(edits.until(i));
    }

    /** Number of tokens that end the slot's row. */
    public int stops(int slot) {
        return (flags[slot] & STOPS) == 0 ? 0 : stops(rows[slot]);
    }

    /** Distinct stop ids of the vocabulary. */
    private int stops(SamplingRow row) {
        int stops = 0;
        for (int i = 0; i < row.stopIds.length; i++) {
            stops += isFirst(row.stopIds, i) ? 1 : 0;
        }
        return stops;
    }

    /** Whether an id is in the vocabulary and not a duplicate; ids ascend. */
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
