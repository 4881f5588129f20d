package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Int8RowTest {

    @Test
    void theLargestBecomes127AndTiesGoToTheEvenOne() {
        Int8Row row = row(63.5f, -63.5f, 0.25f, 0.75f, -0.25f, -0.75f, 0.26f, 0, -0f, 31.6f);
        assertThat(row.scale()).isEqualTo(0.5f);
        assertThat(row.values()).containsExactly(127, -127, 0, 2, 0, -2, 1, 0, 0, 63);
    }

    @Test
    void rowsOfZerosStayZero() {
        Int8Row row = row(0, -0f, 0);
        assertThat(row.scale()).isZero();
        assertThat(row.values()).containsExactly(0, 0, 0);
    }

    @Test
    void theSmallestNumbersNeitherOverflowNorBecomeNaN() {
        // 190 / 127 steps of the least float are one step: the quotient would be 190.
        Int8Row coarse = row(190 * Float.MIN_VALUE, -190 * Float.MIN_VALUE, Float.MIN_VALUE);
        assertThat(coarse.scale()).isEqualTo(Float.MIN_VALUE);
        assertThat(coarse.values()).containsExactly(127, -127, 1);
        Int8Row nothing = row(50 * Float.MIN_VALUE, -Float.MIN_VALUE);
        assertThat(nothing.scale()).isZero();
        assertThat(nothing.values()).containsExactly(0, 0);
    }

    @Test
    void theLargestNumbersKeepTheirScale() {
        Int8Row row = row(Float.MAX_VALUE, -Float.MAX_VALUE / 2);
        assertThat(row.scale()).isEqualTo(Float.MAX_VALUE / 127);
        assertThat(row.values()).containsExactly(127, -63);
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void whatIsNotFiniteIsRefused(float bad) {
        assertThat(row(1, bad, 2)).isNull();
    }

    private static Int8Row row(float... values) {
        ByteBuffer piece = ByteBuffer.allocate(4 + values.length * 4);
        piece.order(ByteOrder.LITTLE_ENDIAN).putInt(-1);
        for (float value : values) {
            piece.putFloat(value);
        }
        return Int8Row.of(DType.F32, piece.array(), 4, values.length);
    }
}
