package io.millrace.gpu.device.cuda;

import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.UploadRing;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.step.QueuedStep;
import io.millrace.gpu.device.cuda.step.SampleSlots;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.AdmitParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.BeginParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.NewRow;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleEdit;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleRow;
import io.millrace.gpu.sampling.LogitEdits;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;

/**
 * Initializes sampling slots on the device: parameters, stop ids and edits of new rows, counts of
 * rows with penalties. Owns the memory of all slots. Engine thread only.
 */
final class SampleAdmission implements AutoCloseable {
    private static final int EDIT_WORDS = SampleEdit.BYTES / Integer.BYTES;

    /** Minimum words of a stage, for tokens or for stop ids and edits. */
    private static final int LEAST_WORDS = 1 << 16;

    private final KernelModules kernels;
    private final CudaContext context;
    private final int vocabulary;
    private final int maxRows;
    private final BeginParams beginParams = new BeginParams();
    private final AdmitParams admitParams = new AdmitParams();
    private final NewRow newRow = new NewRow();
    private final SampleEdit edit = new SampleEdit();
    private final Scope scope = new Scope();
    private final DeviceMemory rows;
    private final DeviceMemory counts;
    private final DeviceMemory stops;
    private final DeviceMemory edits;
    private final int maxEdits;

    /** (2, slots) the last sampled token, and whether the row has ended. */
    private final DeviceMemory lastAndEnded;

    private final int slotCount;

    /** Stages of rows, followed by their tokens or by stop ids and edits. */
    private final UploadRing uploads;

    private final DeviceMemory staged;

    /** Words of a stage after its rows. */
    private final int mostWords;

    /**
     * @param positions maximum tokens of a row
     * @param runAhead steps that may be in flight when another is launched
     */
    SampleAdmission(
            CudaContext context,
            KernelModules kernels,
            SampleLaunches launches,
            int vocabulary,
            int maxRows,
            int positions,
            int runAhead)
            throws GpuException {
        this.context = context;
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        this.maxRows = maxRows;
        slotCount = slots(maxRows, runAhead);
        maxEdits = Math.min(LogitEdits.MOST, vocabulary);
        int ofOneRow = vocabulary + EDIT_WORDS * (maxEdits + 1);
        mostWords = Math.max(LEAST_WORDS, Math.max(positions, ofOneRow));
        try {
            long stageBytes = (long) maxRows * NewRow.BYTES + mostWords * (long) Integer.BYTES;
            rows = allocate((long) slotCount * SampleRow.BYTES);
            counts = allocate(slotCount * launches.countWords() * Integer.BYTES);
            stops = allocate(slotCount * launches.stopWords() * Integer.BYTES);
            edits = allocate((long) slotCount * maxEdits * SampleEdit.BYTES);
            lastAndEnded = allocate(2L * slotCount * Integer.BYTES);
            staged = allocate(stageBytes);
            // Two per in-flight slot, so that no step waits for the copies of another.
            uploads =
                    scope.add(
                            new UploadRing(
                                    context, 2 * (runAhead + 1), Math.toIntExact(stageBytes)));
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
    }

    /** Slots for the rows of a step and of all steps in flight, if they share none. */
    static int slots(int maxRows, int runAhead) {
        return Math.multiplyExact(maxRows, runAhead + 1);
    }

    private DeviceMemory allocate(long bytes) throws GpuException {
        return scope.add(CudaSampler.allocate(context, maxRows, vocabulary, bytes));
    }

    /** (slots) SampleRow. */
    long rows() {
        return rows.address();
    }

    long counts() {
        return counts.address();
    }

    long stops() {
        return stops.address();
    }

    /** (slots, {@link #maxEdits}) SampleEdit. */
    long edits() {
        return edits.address();
    }

    /** Maximum edits of a slot. */
    int maxEdits() {
        return maxEdits;
    }

    long lastTokens() {
        return lastAndEnded.address();
    }

    long ended() {
        return lastAndEnded.address() + (long) slotCount * Integer.BYTES;
    }

    /** Queues the initialization of a step's slots. */
    void admit(QueuedStep step, SampleSlots slots) {
        int next = 0;
        while (next < slots.given()) {
            next = begin(slots, next);
        }
        next = 0;
        while (next < step.sampled()) {
            next = slots.isMiscounted(step.slot(next)) ? count(step, slots, next) : next + 1;
        }
    }

    /** Initializes as many new slots as a stage can hold; returns the index of the next. */
    private int begin(SampleSlots slots, int from) {
        UploadRing.Slot upload = uploads.next();
        ByteBuffer bytes = upload.memory().buffer();
        IntBuffer words = bytes.asIntBuffer();
        int table = maxRows * NewRow.BYTES / Integer.BYTES;
        int ids = 0;
        int next = from;
        for (; next < slots.given(); next++) {
            int slot = slots.given(next);
            int count = slots.stops(slot);
            int firstEdit = (ids + count + EDIT_WORDS - 1) / EDIT_WORDS * EDIT_WORDS;
            int end = firstEdit + EDIT_WORDS * slots.edits(slot);
            if (end > mostWords) {
                break;
            }
            newRow.begin(bytes, (next - from) * NewRow.BYTES)
                    .slot(slot)
                    .firstStop(ids)
                    .stops(count)
                    .firstEdit(firstEdit);
            slots.write(slot, newRow.row);
            newRow.check();
            slots.writeStops(slot, words, table + ids);
            for (int i = 0; i < slots.edits(slot); i++) {
                int word = table + firstEdit + EDIT_WORDS * i;
                slots.writeEdit(slot, i, edit.begin(bytes, word * Integer.BYTES));
                edit.check();
            }
            ids = end;
        }
        stage(upload, table + ids);
        beginParams
                .begin()
                .rows(rows)
                .lastTokens(lastTokens())
                .ended(ended())
                .stops(stops)
                .newRows(staged)
                .stopIds(staged.address() + (long) table * Integer.BYTES)
                .edits(edits)
                .vocabulary(vocabulary)
                .maxEdits(maxEdits);
        CudaSampler.launch(kernels, SampleLaunches.begin(next - from), beginParams, context);
        return next;
    }

    private int count(QueuedStep step, SampleSlots slots, int from) {
        UploadRing.Slot upload = uploads.next();
        IntBuffer words = upload.memory().buffer().asIntBuffer();
        int table = SampleLaunches.ADMIT_WORDS * maxRows;
        int admitted = 0;
        int tokens = 0;
        int next = from;
        for (; next < step.sampled(); next++) {
            int slot = step.slot(next);
            if (!slots.isMiscounted(slot)) {
                continue;
            }
            SamplingRow row = slots.row(slot);
            int total = row.prompt.length + row.generatedCount;
            if (tokens + total > mostWords) {
                break;
            }
            int word = SampleLaunches.ADMIT_WORDS * admitted++;
            words.put(word, slot);
            words.put(word + 1, tokens);
            words.put(word + 2, row.prompt.length);
            words.put(word + 3, total);
            words.put(table + tokens, row.prompt);
            words.put(table + tokens + row.prompt.length, row.generated, 0, row.generatedCount);
            tokens += total;
            slots.recounted(slot);
        }
        stage(upload, table + tokens);
        admitParams
                .begin()
                .counts(counts)
                .rows(staged)
                .tokens(staged.address() + (long) table * Integer.BYTES)
                .vocabulary(vocabulary);
        CudaSampler.launch(kernels, SampleLaunches.admit(admitted), admitParams, context);
        return next;
    }

    private void stage(UploadRing.Slot upload, int words) {
        staged.copyFrom(upload.memory(), 0, 0, (long) words * Integer.BYTES);
        upload.queued();
    }

    @Override
    public void close() {
        scope.close();
    }
}
