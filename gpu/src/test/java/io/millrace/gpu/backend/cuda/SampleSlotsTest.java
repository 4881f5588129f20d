package io.millrace.gpu.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.SamplingParameters;
import io.millrace.gpu.backend.SamplingRow;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
        int slotOfA = slots.take(a);
        int slotOfB = slots.take(b);
        assertThat(slotOfA).isNotEqualTo(slotOfB);
        assertThat(slots.firstNew()).isEqualTo(Math.min(slotOfA, slotOfB));
        assertThat(slots.lastNew()).isEqualTo(Math.max(slotOfA, slotOfB));
        slots.begin();
        assertThat(slots.take(b)).isEqualTo(slotOfB);
        assertThat(slots.take(a)).isEqualTo(slotOfA);
        assertThat(slots.firstNew())
                .as("nothing to tell the device")
                .isGreaterThan(slots.lastNew());
    }

    @Test
    void aNewRowTakesTheSlotThatWasNotDrawnForTheLongestTime() {
        SamplingRow[] rows = {row(PLAIN), row(PLAIN), row(PLAIN), row(PLAIN)};
        slots.begin();
        int[] taken = {slots.take(rows[0]), slots.take(rows[1]), slots.take(rows[2])};
        slots.begin();
        slots.take(rows[0]);
        slots.begin();
        slots.take(rows[2]);
        slots.begin();
        assertThat(slots.take(rows[3])).isEqualTo(taken[1]);
        assertThat(slots.take(rows[1])).as("comes back elsewhere").isEqualTo(taken[0]);
        assertThat(slots.take(rows[2])).isEqualTo(taken[2]);
        assertThatThrownBy(() -> slots.take(rows[0])).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void countsAreMadeAnewForNewRowsAndForThoseThatGrewElsewhere() {
        SamplingRow row = row(PLAIN.toBuilder().presencePenalty(1).build());
        slots.begin();
        int slot = slots.take(row);
        assertThat(slots.isMiscounted(slot)).isTrue();
        slots.recounted(slot);
        assertThat(slots.isMiscounted(slot)).isFalse();
        slots.drawn(slot);
        row.generated[row.generatedCount++] = 5;
        slots.begin();
        slots.take(row);
        assertThat(slots.isMiscounted(slot)).as("the device counted it itself").isFalse();
        row.generated[row.generatedCount++] = 6;
        assertThat(slots.isMiscounted(slot)).isTrue();
    }

    @Test
    void countsOfRowsWithoutPenaltiesAreNobodysConcern() {
        slots.begin();
        assertThat(slots.isMiscounted(slots.take(row(PLAIN)))).isFalse();
    }

    @Test
    void generalAreThoseThatTakeMoreThanOnePass() {
        assertThat(isGeneral(PLAIN)).isFalse();
        assertThat(isGeneral(PLAIN.toBuilder().topK(97).build())).isFalse();
        assertThat(isGeneral(PLAIN.toBuilder().repetitionPenalty(2).build())).isFalse();
        assertThat(isGeneral(PLAIN.toBuilder().topK(96).build())).isTrue();
        assertThat(isGeneral(PLAIN.toBuilder().topP(0.9).build())).isTrue();
        assertThat(isGeneral(PLAIN.toBuilder().minP(0.1).build())).isTrue();
        assertThat(isGeneral(PLAIN.toBuilder().minP(1e-300).build())).isFalse();
        assertThat(isGeneral(PLAIN.toBuilder().temperature(1e-4).build())).isTrue();
        assertThat(isGeneral(PLAIN.toBuilder().temperature(0).topP(0.9).build())).isFalse();
        assertThat(isGeneral(PLAIN.toBuilder().temperature(1e-42).build())).isFalse();
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
        int slot = slots.take(row);
        ByteBuffer out = ByteBuffer.allocate(80).order(ByteOrder.LITTLE_ENDIAN);
        slots.write(slot, out, 16);
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
                .isEqualTo(SampleSlots.REPETITION | SampleSlots.PENALTIES | SampleSlots.GENERAL);
        assertThat(out.getInt(64)).isEqualTo(5);
    }

    private boolean isGeneral(SamplingParameters parameters) {
        slots.begin();
        return slots.isGeneral(slots.take(row(parameters)));
    }

    private static SamplingRow row(SamplingParameters parameters) {
        return new SamplingRow(parameters, 1, 0, new int[] {1, 2});
    }
}
