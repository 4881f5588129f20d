package io.millrace.gpu.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NoiseTest {
    private static final int BLOCK = 8 * Noise.UNITS + 1;

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "INT8")
    void numbersAreSmallAndOfTheDeviationOfAnInitializedModel(DType type) throws IOException {
        float[] values = new Noise(type).tensor("a", 1023, 97).readFloats();
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            assertThat(Math.abs(value)).isLessThan(0.07f);
            sum += value;
            squares += (double) value * value;
        }
        assertThat(sum / values.length).isCloseTo(0, within(0.0005));
        assertThat(Math.sqrt(squares / values.length)).isCloseTo(0.02, within(0.0005));
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "INT8")
    void itIsTheSameEveryTime(DType type) throws IOException {
        Noise one = new Noise(type);
        Noise two = new Noise(type);
        for (int tensor = 0; tensor < 3; tensor++) {
            float[] values = one.tensor("a", 17, 54).readFloats();
            assertThat(two.tensor("b", 54, 17).readFloats()).isEqualTo(values);
        }
    }

    @Test
    void itIsTheSameOnEveryJvm() throws IOException {
        float[] first = new Noise(DType.BF16).tensor("a", 4).readFloats();
        assertThat(first).containsExactly(-0.012329102f, 0.021362305f, 0.03173828f, 0.02368164f);
    }

    @Test
    void tensorsDifferAndSoDoTheirRows() throws IOException {
        Noise noise = new Noise(DType.BF16);
        float[] one = noise.tensor("a", 1, 8).readFloats();
        assertThat(noise.tensor("b", 1, 8).readFloats()).isNotEqualTo(one);
        // As many rows as begin at a unit, and one more: it would be the first again.
        float[] rows = noise.tensor("c", Noise.UNITS + 1, 8).readFloats();
        float[] first = Arrays.copyOf(rows, 8);
        float[] last = Arrays.copyOfRange(rows, rows.length - 8, rows.length);
        assertThat(last).isNotEqualTo(first);
    }

    @ParameterizedTest
    @CsvSource({"17, 54", "1023, 97", "1023, 8200"})
    void piecesAreThoseOfTheWhole(int rows, int columns) throws IOException {
        Noise noise = new Noise(DType.F16);
        noise.tensor("before", 1);
        Tensor tensor = noise.tensor("a", rows, columns);
        byte[] whole = new byte[rows * columns * 2];
        tensor.read(
                1,
                (piece, length, firstRow) ->
                        System.arraycopy(piece, 0, whole, (int) firstRow * columns * 2, length));
        byte[] pieces = new byte[whole.length];
        try (PieceReader reader = tensor.openPieces()) {
            byte[] piece = new byte[reader.pieceBytes()];
            for (int i = reader.pieces() - 1; i >= 0; i--) {
                int length = reader.read(i, piece);
                System.arraycopy(piece, 0, pieces, (int) reader.firstRow(i) * columns * 2, length);
            }
        }
        assertThat(pieces).isEqualTo(whole);
        // Beyond the block it begins anew.
        for (int i = BLOCK; i < rows * columns; i++) {
            assertThat(whole[2 * i]).isEqualTo(whole[2 * (i - BLOCK)]);
        }
    }

    @Test
    void unitsAreWhatATensorBeginsWith() throws IOException {
        Noise noise = new Noise(DType.F32);
        ByteBuffer units = ByteBuffer.allocate((int) noise.unitBytes() * Noise.UNITS);
        noise.copyTo(units);
        noise.tensor("before", 1);
        Tensor tensor = noise.tensor("a", 17);
        assertThat(tensor.noise().noise()).isSameAs(noise);
        int start = tensor.noise().firstUnit() * (int) noise.unitBytes();
        assertThat(start).isPositive();
        tensor.read(
                1,
                (piece, length, firstRow) ->
                        assertThat(Arrays.copyOf(piece, length))
                                .isEqualTo(
                                        Arrays.copyOfRange(
                                                units.array(),
                                                start + (int) firstRow * 4,
                                                start + (int) firstRow * 4 + length)));
    }

    @Test
    void theFirstPartOfNoiseIsNoise() throws IOException {
        Noise noise = new Noise(DType.BF16);
        Tensor tensor = noise.tensor("a", 54, 17);
        List<Tensor> halves = tensor.split(2);
        assertThat(halves.get(0).noise()).isEqualTo(tensor.noise());
        assertThat(halves.get(1).noise()).isNull();
        assertThat(halves.get(1).readFloats())
                .isEqualTo(Arrays.copyOfRange(tensor.readFloats(), 27 * 17, 54 * 17));
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "INT8")
    void onesAreOnes(DType type) throws IOException {
        Tensor ones = Tensor.ones("norm", type, 97);
        assertThat(ones.dtype()).isEqualTo(type);
        assertThat(ones.noise()).isNull();
        assertThat(ones.readFloats()).hasSize(97).containsOnly(1f);
    }
}
