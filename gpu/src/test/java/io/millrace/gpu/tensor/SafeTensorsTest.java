package io.millrace.gpu.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafeTensorsTest {
    private static final String TWO =
            """
            {"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},
             "b":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]},
             "__metadata__":{"format":"pt"}}""";

    @TempDir Path dir;

    @Test
    void readsTensorsInOrderOfTheFile() throws IOException {
        Map<String, Tensor> tensors =
                SafeTensors.open(file(TWO, floats(1, -2, 3.5f, 4), new byte[4]));
        assertThat(tensors.keySet()).containsExactly("a", "b");
        assertThat(tensors.get("a").readFloats()).containsExactly(1, -2, 3.5f, 4);
        assertThat(tensors.get("b").dtype()).isEqualTo(DType.BF16);
        assertThat(tensors.get("a").dim(1)).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 17, 97})
    void readsInPiecesOfWholeRowGroups(int rows) throws IOException {
        Path file = file(header(rows, 3), floats(ascending(rows * 3)));
        Tensor tensor = SafeTensors.open(file).get("t");
        long[] expected = {0};
        tensor.read(
                16,
                (piece, length, firstRow) -> {
                    assertThat(firstRow).isEqualTo(expected[0]);
                    expected[0] += length / 12;
                });
        assertThat(expected[0]).isEqualTo(rows);
    }

    @Test
    void hashesTheSameHoweverItWasRead() throws IOException {
        Path file = file(TWO, floats(1, 2, 3, 4), new byte[4]);
        Tensor loaded = SafeTensors.open(file).get("a");
        loaded.read(1, (piece, length, firstRow) -> {});
        assertThat(loaded.digest()).isEqualTo(SafeTensors.open(file).get("a").digest());
        Path other = file(TWO, floats(1, 2, 3, 5), new byte[4]);
        assertThat(loaded.digest()).isNotEqualTo(SafeTensors.open(other).get("a").digest());
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "17, 3", "54, 4099", "97, 1023", "1023, 97"})
    void piecesReadInAnyOrderGiveTheBytesAndTheHash(int rows, int columns) throws IOException {
        float[] values = ascending(rows * columns);
        String header = header(rows, columns);
        Path file = file(header, floats(values));
        Tensor tensor = SafeTensors.open(file).get("t");
        byte[] all = new byte[values.length * 4];
        try (PieceReader reader = tensor.openPieces()) {
            assertThat(reader.firstRow(1) % 32).isZero();
            byte[] piece = new byte[reader.pieceBytes()];
            for (int i = reader.pieces() - 1; i >= 0; i--) {
                int length = reader.read(i, piece);
                System.arraycopy(piece, 0, all, (int) reader.firstRow(i) * columns * 4, length);
            }
        }
        assertThat(all).isEqualTo(floats(values));
        Tensor direct = SafeTensors.open(file).get("t");
        assertThat(directly(direct)).isEqualTo(all);
        assertThat(direct.digest()).isEqualTo(tensor.digest());
        // Taken from what was read: the file is no longer needed.
        Files.delete(file);
        Tensor other = SafeTensors.open(file(header, floats(values))).get("t");
        assertThat(tensor.digest()).isEqualTo(other.digest());
    }

    /** All bytes, read by pieces into one direct buffer. */
    private static byte[] directly(Tensor tensor) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(Math.toIntExact(tensor.bytes()) + 17);
        try (PieceReader reader = tensor.openPieces()) {
            for (int i = 0; i < reader.pieces(); i++) {
                int before = buffer.position();
                assertThat(reader.read(i, buffer)).isEqualTo(buffer.position() - before);
            }
        }
        byte[] bytes = new byte[buffer.flip().remaining()];
        buffer.get(bytes);
        return bytes;
    }

    @ParameterizedTest
    @CsvSource({
        // Parts of whole pieces, and of none.
        "128, 1023, 2, true",
        "96, 4099, 3, true",
        "34, 1023, 2, false",
        "6, 17, 3, false",
        "97, 54, 1, false"
    })
    void partsAreTheRowsAndTogetherTheHash(int rows, int columns, int count, boolean whole)
            throws IOException {
        float[] values = ascending(rows * columns);
        String header = header(rows, columns);
        byte[] digest = SafeTensors.open(file(header, floats(values))).get("t").digest();
        for (boolean byPieces : new boolean[] {true, false}) {
            Path file = file(header, floats(values));
            Tensor tensor = SafeTensors.open(file).get("t");
            List<Tensor> parts = tensor.split(count);
            int length = values.length / count;
            for (int i = count - 1; i >= 0; i--) {
                Tensor part = parts.get(i).expect(rows / count, columns);
                float[] expected = Arrays.copyOfRange(values, i * length, (i + 1) * length);
                if (byPieces) {
                    assertThat(directly(part)).isEqualTo(floats(expected));
                } else {
                    assertThat(part.readFloats()).containsExactly(expected);
                }
            }
            if (whole) {
                Files.delete(file);
            }
            assertThat(tensor.digest()).isEqualTo(digest);
            assertThat(parts.get(0).digest()).isEqualTo(digest);
        }
    }

    @Test
    void partsThatWereNotAllReadAreNoHash() throws IOException {
        Path file = file(header(64, 2049), floats(ascending(64 * 2049)));
        Tensor tensor = SafeTensors.open(file).get("t");
        tensor.split(2).get(1).readFloats();
        assertThat(tensor.digest()).isEqualTo(SafeTensors.open(file).get("t").digest());
        assertThatThrownBy(() -> tensor.split(3))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 equal parts");
    }

    @Test
    void aTensorThatWasReadInPartHasNoHashOfIt() throws IOException {
        Tensor tensor = SafeTensors.open(file(TWO, floats(1, 2, 3, 4), new byte[4])).get("a");
        try (PieceReader reader = tensor.openPieces()) {
            assertThat(reader.pieces()).isEqualTo(1);
        }
        Tensor other = SafeTensors.open(file(TWO, floats(1, 2, 3, 4), new byte[4])).get("a");
        assertThat(tensor.digest()).isEqualTo(other.digest());
    }

    @ParameterizedTest
    @CsvSource({
        "0000, 0",
        "3c00, 1",
        "bc00, -1",
        "0001, 5.9604644775390625e-8",
        "83ff, -6.097555160522461e-5",
        "7bff, 65504",
        "3555, 0.333251953125"
    })
    void widensHalvesExactly(String bits, float value) {
        assertThat(DType.F16.toFloat(Integer.parseInt(bits, 16))).isEqualTo(value);
    }

    @Test
    void namesAFileThatIsNotThere() {
        assertRefused(dir.resolve("none.safetensors"), "no weights file", "none.safetensors");
    }

    @Test
    void refusesAFileWithoutRoomForALength() throws IOException {
        Path file = Files.write(dir.resolve("short.safetensors"), new byte[5]);
        assertRefused(file, "only 5 bytes");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0, 1, 1000, Long.MAX_VALUE, 1L << 32})
    void refusesAHeaderLengthBeyondTheFile(long length) throws IOException {
        byte[] bytes = new byte[40];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Path file = Files.write(dir.resolve("length.safetensors"), bytes);
        assertRefused(file, "header is said to have " + Long.toUnsignedString(length));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\":", "not json", "{} {}", "{\"a\":1,\"a\":2}"})
    void refusesAHeaderThatIsNotJson(String header) throws IOException {
        assertRefused(file(header), "not JSON");
    }

    @Test
    void refusesAHeaderThatIsNotAnObject() throws IOException {
        assertRefused(file("[1, 2]"), "not a JSON object");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}",
                "{\"a\":7}"
            })
    void refusesAnIncompleteEntry(String header) throws IOException {
        assertRefused(file(header, new byte[4]), "tensor a lacks");
    }

    @Test
    void refusesATruncatedFile() throws IOException {
        assertRefused(file(TWO, new byte[18]), "tensor b", "cut short");
    }

    @Test
    void refusesOverlappingTensors() throws IOException {
        String header = TWO.replace("[16,20]", "[12,16]");
        assertRefused(file(header, new byte[16]), "tensor b", "overlaps");
    }

    @Test
    void refusesAHoleBetweenTensors() throws IOException {
        String header = TWO.replace("[16,20]", "[20,24]");
        assertRefused(file(header, new byte[24]), "tensor b", "hole");
    }

    @Test
    void refusesBytesAfterTheLastTensor() throws IOException {
        assertRefused(file(TWO, new byte[21]), "end at byte 20");
    }

    @Test
    void refusesReversedOffsets() throws IOException {
        String header = TWO.replace("[16,20]", "[20,16]");
        assertRefused(file(header, new byte[20]), "tensor b");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[2,3]", "[4611686018427387904,4]", "[]"})
    void refusesAShapeThatDoesNotGiveTheBytes(String shape) throws IOException {
        assertRefused(file(TWO.replace("[2,2]", shape), new byte[20]), "tensor a has 16 bytes");
    }

    @Test
    void refusesATypeOnlyWhenItIsUsed() throws IOException {
        String header = "{\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}";
        Tensor tensor = SafeTensors.open(file(header, new byte[8])).get("ids");
        assertThatThrownBy(tensor::dtype)
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("ids")
                .hasMessageContaining("I64");
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void refusesWeightsThatAreNotFinite(float bad) throws IOException {
        Path file = file(TWO, floats(1, 2, bad, 4), new byte[4]);
        Tensor tensor = SafeTensors.open(file).get("a");
        assertThatThrownBy(tensor::readFloats)
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("Tensor a")
                .hasMessageContaining("not finite");
    }

    @Test
    void saysWhenTheFileShrankAfterItWasOpened() throws IOException {
        Path file = file(TWO, floats(1, 2, 3, 4), new byte[4]);
        Tensor tensor = SafeTensors.open(file).get("b");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 40));
        assertThatThrownBy(tensor::readFloats)
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("tensor b");
    }

    private static void assertRefused(Path file, String... parts) {
        assertThatThrownBy(() -> SafeTensors.open(file))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(parts);
    }

    private Path file(String header, byte[]... data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        int length = Arrays.stream(data).mapToInt(part -> part.length).sum();
        ByteBuffer buffer =
                ByteBuffer.allocate(8 + json.length + length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(json.length).put(json);
        for (byte[] part : data) {
            buffer.put(part);
        }
        return Files.write(Files.createTempFile(dir, "t", ".safetensors"), buffer.array());
    }

    /** Of one tensor of floats, t. */
    private static String header(int rows, int columns) {
        return "{\"t\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}}"
                .formatted(rows, columns, rows * columns * 4);
    }

    private static float[] ascending(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i;
        }
        return values;
    }

    private static byte[] floats(float... values) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putFloat(value);
        }
        return buffer.array();
    }
}
