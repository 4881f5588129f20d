package io.millrace.gpu.device.cuda.struct;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.device.cuda.struct.ParamsHeader.NormParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.NewRow;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.PickParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleParams;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.SampleRow;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class StructTest {
    @Test
    void aFieldThatIsForgottenIsNamed() {
        NormParams params = norm(new NormParams().begin());
        params.check();
        params.begin().x(8);
        assertThatThrownBy(params::check)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("NormParams.weight was not set.");
    }

    @Test
    void fieldsLieWhereTheHeaderHasThem() {
        NormParams params = norm(new NormParams().begin());
        ByteBuffer bytes = params.buffer();
        assertThat(bytes.capacity()).isEqualTo(NormParams.BYTES);
        for (int i = 0; i < 7; i++) {
            assertThat(bytes.getLong(8 * i)).isEqualTo(0x100 + i);
        }
        assertThat(bytes.getInt(56)).isEqualTo(54);
        assertThat(bytes.getFloat(60)).isEqualTo(1e-5f);
        assertThat(params)
                .hasToString(
                        "NormParams(x=0x100, weight=0x101, bias=0x102, out=0x103, inverse=0x104, step=0x105,"
                                + " gather=0x106, width=54, epsilon=1.0E-5)");
    }

    @Test
    void anEntryOfATableIsWrittenAtItsPlaceAndReservedWordsAreZero() {
        ByteBuffer table = ByteBuffer.allocate(3 * NewRow.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < table.capacity(); i++) {
            table.put(i, (byte) -1);
        }
        NewRow row =
                new NewRow()
                        .begin(table, NewRow.BYTES)
                        .slot(17)
                        .firstStop(54)
                        .stops(97)
                        .firstEdit(3);
        assertThatThrownBy(row::check).hasMessage("SampleRow.seed was not set.");
        row.row.seed(-2).topP(0.9).completion(3).temperature(0.7f).topK(5).minP(0.05f);
        row.row.repetition(1).frequency(2).presence(3).flags(4).top(6).edits(7);
        row.check();
        int at = NewRow.BYTES;
        assertThat(table.get(at - 1)).isEqualTo((byte) -1);
        assertThat(table.getLong(at)).isEqualTo(-2);
        assertThat(table.getDouble(at + 8)).isEqualTo(0.9);
        assertThat(table.getInt(at + SampleRow.BYTES - 4)).as("reserved").isZero();
        assertThat(table.getInt(at + SampleRow.BYTES)).isEqualTo(17);
        assertThat(table.getInt(at + NewRow.BYTES - 4)).isEqualTo(3);
        assertThat(table.get(at + NewRow.BYTES)).isEqualTo((byte) -1);
    }

    @Test
    void aCopyHasTheFieldsAndWhichOfThemAreSet() {
        SampleParams sample = new SampleParams().begin().logits(0x123);
        PickParams pick = new PickParams().begin().tiles(8).candidates(16);
        pick.sample.copy(sample);
        assertThat(pick.toString()).startsWith("PickParams(sample=SampleParams(logits=0x123, ");
        assertThatThrownBy(pick::check).hasMessage("SampleParams.rows was not set.");
        assertThatThrownBy(() -> pick.copy(sample)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void memoryOfTheOtherByteOrderIsRefused() {
        assertThatThrownBy(() -> new SampleRow().begin(ByteBuffer.allocate(SampleRow.BYTES), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("little-endian");
    }

    private static NormParams norm(NormParams params) {
        return params.x(0x100)
                .weight(0x101)
                .bias(0x102)
                .out(0x103)
                .inverse(0x104)
                .step(0x105)
                .gather(0x106)
                .width(54)
                .epsilon(1e-5f);
    }
}
