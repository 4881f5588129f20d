package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WeightLoaderTest {
    private static final int COLUMNS = 1023;

    @TempDir Path dir;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void laysOutEachRowOfEachTensorOnce(int threads) throws IOException {
        List<Tensor> tensors = List.of(tensor(1, -1), tensor(1000, -1), tensor(54, -1));
        BitSet[] rows = {new BitSet(), new BitSet(), new BitSet()};
        try (WeightLoader loader = new WeightLoader(threads)) {
            for (int i = 0; i < rows.length; i++) {
                BitSet seen = rows[i];
                loader.load(
                        List.of(tensors.get(i)),
                        (pieces, length, firstRow) -> {
                            synchronized (seen) {
                                for (int row = 0; row < length / (2 * COLUMNS); row++) {
                                    assertThat(seen.get((int) firstRow + row)).isFalse();
                                    seen.set((int) firstRow + row);
                                }
                            }
                        });
            }
            loader.finish();
        }
        assertThat(rows[0].cardinality()).isEqualTo(1);
        assertThat(rows[1].cardinality()).isEqualTo(1000);
        assertThat(rows[2].cardinality()).isEqualTo(54);
        assertThat(tensors.get(1).digest()).isEqualTo(tensor(1000, -1).digest());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void tellsOfANumberThatIsNotFiniteWhereverItIs(int threads) throws IOException {
        for (int bad : new int[] {0, 16 * COLUMNS, 999 * COLUMNS + COLUMNS - 1}) {
            try (WeightLoader loader = new WeightLoader(threads)) {
                boolean int8 = bad % 2 == 0;
                assertThatThrownBy(
                                () -> {
                                    StripMatrix.load(List.of(tensor(1000, bad)), int8, loader);
                                    loader.finish();
                                })
                        .isInstanceOf(InvalidModelException.class)
                        .hasMessageContaining("Tensor t")
                        .hasMessageContaining("not finite");
                // Nor is anything else begun.
                assertThatThrownBy(loader::finish).isInstanceOf(InvalidModelException.class);
            }
        }
    }

    @Test
    void saysWhichOfTwoGatedMatricesIsNotFinite() throws IOException {
        for (int bad : new int[] {0, 53 * COLUMNS + 1}) {
            try (WeightLoader loader = new WeightLoader(2)) {
                assertThatThrownBy(
                                () -> {
                                    Tensor up = tensor(dir.resolve("up"), "up", 54, bad);
                                    StripMatrix.loadGated(tensor(54, -1), up, false, loader);
                                    loader.finish();
                                })
                        .hasMessageContaining("Tensor up");
            }
        }
    }

    @Test
    void failsWhereTheFileShrankMeanwhile() throws IOException {
        Tensor tensor = tensor(1000, -1);
        Files.write(dir.resolve("t1000"), new byte[COLUMNS * 999 * 2]);
        try (WeightLoader loader = new WeightLoader(2)) {
            assertThatThrownBy(
                            () -> {
                                StripMatrix.load(List.of(tensor), false, loader);
                                loader.finish();
                            })
                    .isInstanceOf(InvalidModelException.class)
                    .hasMessageContaining("tensor t");
        }
    }

    /** BF16 zeros, but for an infinity at an index. */
    private Tensor tensor(int rows, int bad) throws IOException {
        return tensor(dir.resolve("t" + rows), "t", rows, bad);
    }

    private static Tensor tensor(Path file, String name, int rows, int bad) throws IOException {
        int bytes = rows * COLUMNS * 2;
        byte[] header =
                "{\"%s\":{\"dtype\":\"BF16\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}}"
                        .formatted(name, rows, COLUMNS, bytes)
                        .getBytes(StandardCharsets.UTF_8);
        ByteBuffer buffer =
                ByteBuffer.allocate(8 + header.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(header.length).put(header);
        if (bad >= 0) {
            buffer.putShort(8 + header.length + bad * 2, (short) 0xff80);
        }
        return SafeTensors.open(Files.write(file, buffer.array())).get(name);
    }
}
