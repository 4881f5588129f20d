package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.AttentionShape;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvCacheTest {

    @ParameterizedTest
    @CsvSource({"1, 8", "16, 24", "17, 54", "54, 64"})
    void noTwoNumbersShareAPlace(int blockSize, int headSize) {
        AttentionShape shape = new AttentionShape(3, 4, 2, headSize);
        KvCache cache = new KvCache(shape, 3, blockSize);
        Set<String> places = new HashSet<>();
        float[] x = new float[2 * headSize];
        float next = 1;
        for (int block = 0; block < 3; block++) {
            cache.back(block);
            for (int layer = 0; layer < 3; layer++) {
                for (int head = 0; head < 2; head++) {
                    for (int at = 0; at < blockSize; at++) {
                        for (int i = 0; i < x.length; i++) {
                            x[i] = next++;
                        }
                        cache.store(layer, block, head, at, x, 0, headSize);
                    }
                }
            }
        }
        // Whatever was stored first is there still, once.
        for (int block = 0; block < 3; block++) {
            float[] array = cache.array(block);
            int from = cache.offset(block);
            for (int i = from; i < from + cache.blockFloats; i++) {
                if (array[i] != 0) {
                    places.add(Float.toString(array[i]));
                }
            }
        }
        assertThat(places).hasSize((int) next - 1);
        assertThat(cache.blockFloats * 4L).isEqualTo(KvCache.blockBytes(shape, blockSize));
    }

    @Test
    void takesMemoryForBlocksThatAreWrittenOnly() {
        AttentionShape shape = new AttentionShape(16, 32, 8, 64);
        KvCache cache = new KvCache(shape, 1 << 20, 16);
        cache.back(1);
        cache.back(1 << 19);
        assertThat(cache.array(1)).isNotNull();
        assertThat(cache.array(1 << 19)).isNotNull();
        assertThat(cache.array((1 << 20) - 1)).isNull();
    }
}
