package io.millrace.operators.hop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BoundedLoadTest {
    private static final int MANY = 10_000;

    private static int[] counts(int channels, int[] hashes) {
        BoundedLoad load = new BoundedLoad(channels);
        int[] counts = new int[channels];
        for (int hash : hashes) {
            counts[load.choose(hash)]++;
        }
        return counts;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7, 54})
    void evenHashesGoWhereTheyBelongEachTime(int channels) {
        BoundedLoad load = new BoundedLoad(channels);
        Random random = new Random(17);
        for (int i = 0; i < MANY; i++) {
            int hash = random.nextInt();
            assertThat(load.choose(hash)).isEqualTo(Math.floorMod(hash, channels));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "3, 5", "7, -6", "54, 1023", "3, -2147483648"})
    void oneHashAloneKeepsToItsChannelAndNoChannelHasMuchMoreThanItsShare(int channels, int hash) {
        int[] hashes = new int[MANY * channels];
        Arrays.fill(hashes, hash);
        int[] counts = counts(channels, hashes);
        double most = (1 + BoundedLoad.SLACK) * MANY + BoundedLoad.WINDOW;
        assertThat(IntStream.of(counts).max().getAsInt()).isLessThanOrEqualTo((int) most);
        int own = counts[Math.floorMod(hash, channels)];
        assertThat(own).isEqualTo(IntStream.of(counts).max().getAsInt());
        if (channels > 1) {
            assertThat(own).isGreaterThan((int) ((1 + BoundedLoad.SLACK) * MANY * 0.99));
        }
    }

    /** Of 97 the first is a seventh of all, the second half as much, and so on. */
    @ParameterizedTest
    @ValueSource(ints = {3, 7})
    void skewedHashesAreBoundedAndMostStillMeet(int channels) {
        Random random = new Random(17);
        BoundedLoad load = new BoundedLoad(channels);
        int[] counts = new int[channels];
        int met = 0;
        for (int i = 0; i < MANY; i++) {
            int key = (int) Math.pow(98, random.nextDouble());
            int hash = new Random(key).nextInt() >>> 1;
            int channel = load.choose(hash);
            counts[channel]++;
            met += channel == hash % channels ? 1 : 0;
        }
        double most = (1 + BoundedLoad.SLACK) * MANY / channels + BoundedLoad.WINDOW;
        assertThat(IntStream.of(counts).max().getAsInt()).isLessThanOrEqualTo((int) most);
        assertThat(met).isGreaterThan(MANY / 2);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 7})
    void aCrowdIsForgottenAfterAWhile(int channels) {
        BoundedLoad load = new BoundedLoad(channels);
        for (int i = 0; i < MANY; i++) {
            load.choose(0);
        }
        assertThat(load.choose(0)).isNotNegative();
        Random random = new Random(17);
        for (int i = 0; i < 4 * BoundedLoad.WINDOW * channels; i++) {
            load.choose(random.nextInt());
        }
        for (int i = 0; i < BoundedLoad.WINDOW / 8; i++) {
            assertThat(load.choose(0)).isZero();
        }
    }
}
