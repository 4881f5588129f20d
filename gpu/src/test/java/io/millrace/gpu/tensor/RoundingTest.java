package io.millrace.gpu.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@link DType#round} against a search among all numbers of the type. */
class RoundingTest {

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void aFloatBecomesTheNearestNumberOfTheType(DType type) {
        TreeMap<Double, Integer> numbers = new TreeMap<>();
        for (int bits = 0; bits < 1 << 15; bits++) {
            if (type.isFinite(bits)) {
                numbers.put((double) type.toFloat(bits), bits);
            }
        }
        Random random = new Random(1);
        float largest = numbers.lastKey().floatValue();
        for (int i = 0; i < 300_000; i++) {
            // All sizes, and halfway between two numbers.
            float value = Float.intBitsToFloat(random.nextInt() & 0x7fffffff);
            if (i % 3 == 0) {
                Double at = numbers.floorKey((double) random.nextFloat());
                value = (float) ((at + numbers.higherKey(at)) / 2);
            }
            if (!(value <= largest)) {
                continue;
            }
            float[] rounded = {value, -value};
            type.round(rounded, 2);
            assertThat(rounded[0]).as("%s", value).isEqualTo(nearest(numbers, value));
            assertThat(rounded[1]).isEqualTo(-rounded[0]);
        }
    }

    private static float nearest(TreeMap<Double, Integer> numbers, double value) {
        double below = numbers.floorKey(value);
        Double above = numbers.ceilingKey(value);
        if (above == null || value - below < above - value) {
            return (float) below;
        }
        boolean even = numbers.get(below) % 2 == 0;
        return (float) (value - below == above - value && even ? below : above);
    }

    @Test
    void whatIsBeyondTheRangeIsInfinite() {
        float[] values = {65519, 65520, -1e30f, Float.NaN, Float.NEGATIVE_INFINITY, -0f};
        DType.F16.round(values, values.length);
        assertThat(values)
                .containsExactly(
                        65504,
                        Float.POSITIVE_INFINITY,
                        Float.NEGATIVE_INFINITY,
                        Float.NaN,
                        Float.NEGATIVE_INFINITY,
                        -0f);
        float[] large = {Float.MAX_VALUE, Float.NaN, 1};
        DType.BF16.round(large, large.length);
        assertThat(large).containsExactly(Float.POSITIVE_INFINITY, Float.NaN, 1);
    }
}
