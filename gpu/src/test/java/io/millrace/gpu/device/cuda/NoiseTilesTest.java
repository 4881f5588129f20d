package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.Noise;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows of heads of well-known models, in tiles that are noise as it lies. */
class NoiseTilesTest {

    @ParameterizedTest
    @CsvSource({
        "50304, 768",
        "128256, 2048",
        "128256, 3072",
        "128256, 4096",
        "128256, 8192",
        "131072, 5120",
        "151936, 896",
        "151936, 1024",
        "151936, 1536",
        "151936, 2048",
        "151936, 2560",
        "151936, 4096",
        "151936, 5120",
        "152064, 3584"
    })
    void noRowComesTwice(int rows, int k) {
        long period = new Noise(DType.BF16).unitBytes() * Noise.UNITS;
        // What a row is follows from where it begins, and from how its pieces are turned.
        long different =
                LongStream.range(0, rows)
                        .map(
                                row ->
                                        TileLayout.tileOffset((int) row, 0, k, 2) % period * 8
                                                + row % 8)
                        .distinct()
                        .count();
        assertThat(different).isEqualTo(rows);
    }
}
