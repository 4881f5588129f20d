package io.millrace.gpu.device.cuda.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleEdit;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleRow;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class SampleSlotsTest {
    private static final SamplingParameters PLAIN =
            SamplingParameters.builder().temperature(1).build();

    private final SampleSlots slots = new SampleSlots(97, 3);

    @Test
    void aRowKeepsItsSlotWhateverItsPlaceInTheBatch() {
        SamplingRow a = row(PLAIN);
        SamplingRow b = row(PLAIN);
        slots.begin();
        int slotOfA = slots.take(a, false);
        int slotOfB = slots.take(b, false);
        assertThat(slotOfA).isNotEqualTo(slotOfB);
        assertThat(slots.given()).isEqualTo(2);
        assertThat(slots.given(0)).isEqualTo(slotOfA);
        assertThat(slots.given(1)).isEqualTo(slotOfB);
        slots.begin();
        assertThat(slots.take(b, false)).isEqualTo(slotOfB);
        assertThat(slots.take(a, false)).isEqualTo(slotOfA);
        assertThat(slots.given()).as("nothing to tell the device").isZero();
    }

    @Test
    void aNewRowTakesTheSlotThatWasNotDrawnForTheLongestTime() {
        SamplingRow[] rows = {row(PLAIN), row(PLAIN), row(PLAIN), row(PLAIN)};
        slots.begin();
        int[] taken = {
            slots.take(rows[0], false), slots.take(rows[1], false), slots.take(rows[2], false)
        };
        slots.begin();
        slots.take(rows[0], false);
        slots.begin();
        slots.take(rows[2], false);
        slots.begin();
        assertThat(slots.take(rows[3], false)).isEqualTo(taken[1]);
        assertThat(slots.take(rows[1], false)).as("comes back elsewhere").isEqualTo(taken[0]);
        assertThat(slots.take(rows[2], false)).isEqualTo(taken[2]);
        assertThatThrownBy(() -> slots.take(rows[0], false))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aSlotWithADrawInFlightIsNobodyElses() {
        SamplingRow sitsOut = row(PLAIN);
        slots.begin();
        int slot = slots.take(sitsOut, false);
        slots.queued(slot);
        slots.queued(slot);
        for (int i = 0; i < 9; i++) {
            slots.begin();
            assertThat(slots.take(row(PLAIN), false)).isNotEqualTo(slot);
        }
        slots.begin();
        assertThat(slots.take(sitsOut, true)).as("its token is still there").isEqualTo(slot);
        assertThat(slots.given()).isZero();
        slots.completed(slot);
        assertThat(slots.take(sitsOut, true)).isEqualTo(slot);
        slots.completed(slot);
        assertThatThrownBy(() -> slots.completed(slot)).isInstanceOf(IllegalStateException.class);
        slots.begin();
        slots.take(row(PLAIN), false);
        slots.take(row(PLAIN), false);
        slots.begin();
        assertThat(slots.take(row(PLAIN), false)).as("free again").isEqualTo(slot);
    }

    @Test
    void aTokenThatNobodyDrewIsRefused() {
        SamplingRow row = row(PLAIN);
        slots.begin();
        assertThatThrownBy(() -> slots.take(row, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("none is in flight");
        int slot = slots.take(row, false);
        assertThatThrownBy(() -> slots.take(row, true))
                .isInstanceOf(IllegalArgumentException.class);
        slots.queued(slot);
        assertThat(slots.take(row, true)).isEqualTo(slot);
    }

    @Test
    void countsAreMadeAnewForNewRowsAndForThoseThatGrewElsewhere() {
        SamplingRow row = row(PLAIN.toBuilder().presencePenalty(1).build());
        slots.begin();
        int slot = slots.take(row, false);
        assertThat(slots.isMiscounted(slot)).isTrue();
        slots.recounted(slot);
        assertThat(slots.isMiscounted(slot)).isFalse();
        slots.queued(slot);
        slots.completed(slot);
        row.generated[row.generatedCount++] = 5;
        slots.begin();
        slots.take(row, false);
        assertThat(slots.isMiscounted(slot)).as("the device counted it itself").isFalse();
        row.generated[row.generatedCount++] = 6;
        assertThat(slots.isMiscounted(slot)).isTrue();
    }

    @Test
    void countsAreAheadOfTheRowByWhatIsInFlight() {
        SamplingRow row = row(PLAIN.toBuilder().frequencyPenalty(1).build());
        slots.begin();
        int slot = slots.take(row, false);
        slots.recounted(slot);
        for (int step = 0; step < 17; step++) {
            slots.begin();
            assertThat(slots.take(row, step > 0)).isEqualTo(slot);
            assertThat(slots.isMiscounted(slot)).as("step %d", step).isFalse();
            slots.queued(slot);
            if (step >= 2) {
                // Two ahead: the host sees the first of three.
                slots.completed(slot);
                row.generatedCount++;
            }
        }
        assertThatThrownBy(() -> slots.recounted(slot)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void stopIdsAreThoseOfTheVocabulary() {
        SamplingRow none = row(PLAIN);
        SamplingRow some =
                new SamplingRow(
                        PLAIN, 1, 0, new int[] {1}, new int[] {-5, 0, 0, 54, 96, 96, 97, 1000});
        slots.begin();
        int slotOfNone = slots.take(none, false);
        int slotOfSome = slots.take(some, false);
        assertThat(slots.stops(slotOfNone)).isZero();
        assertThat(slots.stops(slotOfSome)).isEqualTo(3);
        IntBuffer to = IntBuffer.allocate(5);
        slots.writeStops(slotOfSome, to, 1);
        assertThat(to.array()).containsExactly(0, 0, 54, 96, 0);
        ByteBuffer out = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        slots.write(slotOfSome, new SampleRow().begin(out, 0));
        assertThat(out.getInt(44)).isEqualTo(SampleSlots.STOPS);
        slots.write(slotOfNone, new SampleRow().begin(out, 0));
        assertThat(out.getInt(44)).isZero();
    }

    @Test
    void editsAreThoseOfTheVocabularyAndPlainOnceTheyEnd() {
        SamplingParameters p = PLAIN.toBuilder().minTokens(2).build();
        SamplingRow row = new SamplingRow(p, 1, 0, new int[] {1, 2}, new int[] {-5, 17, 17, 97});
        slots.begin();
        int slot = slots.take(row, false);
        assertThat(slots.edits(slot)).isEqualTo(1);
        ByteBuffer out = ByteBuffer.allocate(SampleEdit.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        SampleEdit edit = new SampleEdit().begin(out, 0);
        slots.writeEdit(slot, 0, edit);
        edit.check();
        assertThat(out.getInt(0)).isEqualTo(17);
        assertThat(out.getFloat(4)).isZero();
        assertThat(out.getInt(8)).as("position of the third token").isEqualTo(4);
        assertThat(slots.takesFastPath(slot, 3)).isFalse();
        assertThat(slots.takesFastPath(slot, 4)).isTrue();
        assertThat(slots.isFiltered(slot)).isFalse();
        SamplingRow outside =
                new SamplingRow(
                        PLAIN.toBuilder().suppressTokens(List.of(97)).build(), 1, 0, new int[] {1});
        int slotOutside = slots.take(outside, false);
        assertThat(slots.edits(slotOutside)).isZero();
        assertThat(slots.takesFastPath(slotOutside, 3)).isTrue();
    }

    @Test
    void countsOfRowsWithoutPenaltiesAreNobodysConcern() {
        slots.begin();
        assertThat(slots.isMiscounted(slots.take(row(PLAIN), false))).isFalse();
    }

    @Test
    void generalAreThoseThatTakeMoreThanOnePass() {
        assertThat(isFiltered(PLAIN)).isFalse();
        assertThat(isFiltered(PLAIN.toBuilder().topK(97).build())).isFalse();
        assertThat(isFiltered(PLAIN.toBuilder().repetitionPenalty(2).build())).isFalse();
        assertThat(isFiltered(PLAIN.toBuilder().topK(96).build())).isTrue();
        assertThat(isFiltered(PLAIN.toBuilder().topP(0.9).build())).isTrue();
        assertThat(isFiltered(PLAIN.toBuilder().minP(0.1).build())).isTrue();
        assertThat(isFiltered(PLAIN.toBuilder().minP(1e-300).build())).isFalse();
        assertThat(isFiltered(PLAIN.toBuilder().temperature(1e-4).build())).isTrue();
        assertThat(isFiltered(PLAIN.toBuilder().temperature(0).topP(0.9).build())).isFalse();
        assertThat(isFiltered(PLAIN.toBuilder().temperature(1e-42).build())).isFalse();
    }

    @Test
    void aRowIsWrittenFieldByField() {
        SamplingParameters p =
                SamplingParameters.builder()
                        .temperature(0.7)
                        .topP(0.9)
                        .topK(17)
                        .minP(0.05)
                        .repetitionPenalty(1e300)
                        .frequencyPenalty(0.5)
                        .presencePenalty(-2)
                        .logprobs(5)
                        .build();
        SamplingRow row = new SamplingRow(p, 0x123456789ABCDEFL, 3, new int[] {1});
        slots.begin();
        int slot = slots.take(row, false);
        ByteBuffer out = ByteBuffer.allocate(80).order(ByteOrder.LITTLE_ENDIAN);
        SampleRow written = new SampleRow().begin(out, 16);
        slots.write(slot, written);
        written.check();
        assertThat(out.getLong(16)).isEqualTo(0x123456789ABCDEFL);
        assertThat(out.getDouble(24)).isEqualTo(0.9);
        assertThat(out.getInt(32)).isEqualTo(3);
        assertThat(out.getFloat(36)).isEqualTo(0.7f);
        assertThat(out.getInt(40)).isEqualTo(17);
        assertThat(out.getFloat(44)).isEqualTo(0.05f);
        assertThat(out.getFloat(48)).isEqualTo(Float.MAX_VALUE);
        assertThat(out.getFloat(52)).isEqualTo(0.5f);
        assertThat(out.getFloat(56)).isEqualTo(-2f);
        assertThat(out.getInt(60))
                .isEqualTo(SampleSlots.REPETITION | SampleSlots.PENALTIES | SampleSlots.FILTERED);
        assertThat(out.getInt(64)).isEqualTo(5);
    }

    private boolean isFiltered(SamplingParameters parameters) {
        slots.begin();
        return slots.isFiltered(slots.take(row(parameters), false));
    }

    private static SamplingRow row(SamplingParameters parameters) {
        return new SamplingRow(parameters, 1, 0, new int[] {1, 2});
    }
}
