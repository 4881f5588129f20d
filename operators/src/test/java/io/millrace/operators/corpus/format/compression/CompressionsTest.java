package io.millrace.operators.corpus.format.compression;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CompressionsTest {
    /** {@code xz -9 --check=sha256}, four bytes of padding, {@code xz -0 --check=none}. */
    private static final String TWO_XZ_STREAMS =
            "/Td6WFoAAArh+wyhAgAhARwAAAAQz1jMAQALeyJhIjoxfQp7ImIiACRNLVqBkH2RDc27dIlNmZWtpeMfF8II"
                    + "puC5FEP10RrzAAE8DP+Aw1oYm0uaAQAAAAAKWVoAAAAA/Td6WFoAAAD/EtlBAgAhAQwAAACPmEGcAQAD"
                    + "OjJ9CgAAARQEZ6ZFCQZynnoBAAAAAABZWg==";

    /** {@code zstd -19}, a frame that is skipped, {@code zstd -1 --no-check} of a pipe. */
    private static final String TWO_ZSTD_FRAMES =
            "KLUv/SQMYQAAeyJhIjoxfQp7ImIihGgG0FAqTRgDAAAAYWJjKLUv/QBIIQAAOjJ9Cg==";

    /** {@code xz --lzma2=dict=192MiB} of 300,000 zeros. */
    private static final String LARGE_DICTIONARY =
            "/Td6WFoAAATm1rRGAgAhAR8AAAD+YO3e5JPfAG9dAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6"
                    + "PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3"
                    + "llestk3haR1v+0uIEGw1jEDBAAAAH58pcZX/q9AAAYsB4KcSAHhj/vixxGf7AgAAAAAEWVo=";

    /** {@code zstd --long=28} of 300,000 zeros in a pipe. */
    private static final String LARGE_WINDOW = "KLUv/QSQZAAAEAAAAgDp/zdz4AEsAgAQAAOfBAAtKN4m";

    @TempDir Path folder;

    @ParameterizedTest
    @EnumSource(Compression.class)
    void whatIsWrittenIsReadAgainAndTheSameEachTime(Compression compression) throws IOException {
        for (int size : new int[] {0, 1, 17, 1023, 300_001}) {
            byte[] plain = bytes(size);
            byte[] compressed = compress(plain, compression);
            assertThat(compress(plain, compression)).isEqualTo(compressed);
            assertThat(read(compressed, compression)).isEqualTo(plain);
        }
    }

    @Test
    void othersReadTheGzipThatIsWritten() throws IOException {
        byte[] compressed = compress(bytes(1023), Compression.GZIP);
        InputStream other = new GZIPInputStream(new java.io.ByteArrayInputStream(compressed));
        assertThat(other.readAllBytes()).isEqualTo(bytes(1023));
    }

    @Test
    void filesOfOtherProgramsAreReadToTheEndOfTheirLastPart() throws IOException {
        String expected = "{\"a\":1}\n{\"b\":2}\n";
        assertThat(new String(read(decoded(TWO_XZ_STREAMS), Compression.XZ), UTF_8))
                .isEqualTo(expected);
        assertThat(new String(read(decoded(TWO_ZSTD_FRAMES), Compression.ZSTD), UTF_8))
                .isEqualTo(expected);
    }

    @Test
    void whatNeedsTooMuchMemorySaysHowToCompressIt() {
        assertThatThrownBy(() -> read(decoded(LARGE_DICTIONARY), Compression.XZ))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageContaining("192 MiB")
                .hasMessageContaining("smaller dictionary");
        assertThatThrownBy(() -> read(decoded(LARGE_WINDOW), Compression.ZSTD))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageContaining("without --long");
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void everyCutAndEveryChangedByteIsNoticed(Compression compression) throws IOException {
        byte[] first = compress(bytes(97), compression);
        byte[] both = Arrays.copyOf(first, 2 * first.length);
        System.arraycopy(first, 0, both, first.length, first.length);
        byte[] twice = Arrays.copyOf(bytes(97), 2 * 97);
        System.arraycopy(bytes(97), 0, twice, 97, 97);
        assertThat(read(both, compression)).isEqualTo(twice);
        for (int length = 0; length < both.length; length++) {
            if (length != first.length) {
                byte[] cut = Arrays.copyOf(both, length);
                assertThatThrownBy(() -> read(cut, compression))
                        .as("%d of %d bytes", length, both.length)
                        .isInstanceOf(UnreadableFileException.class)
                        .hasMessageContaining("is truncated");
            }
        }
        int unnoticed = 0;
        for (int at = 0; at < both.length; at++) {
            byte[] damaged = both.clone();
            damaged[at] ^= 0x41;
            try {
                // Some bytes say nothing of the data: a time, a name's system.
                assertThat(read(damaged, compression)).isEqualTo(twice);
                unnoticed++;
            } catch (UnreadableFileException e) {
                assertThat(e).hasMessageStartingWith("it");
            }
        }
        assertThat(unnoticed).isLessThan(20);
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void theSizeBehindTheCompressionIsGuessedForTheProgress(Compression compression)
            throws IOException {
        byte[] plain = new byte[300_001];
        Path file = Files.write(folder.resolve("file"), compress(plain, compression));
        long guess = Compressions.uncompressedBytes(file, compression);
        if (compression == Compression.ZSTD) {
            // Written as a stream, it does not say.
            assertThat(guess).isEqualTo(Files.size(file));
        } else {
            assertThat(guess).isEqualTo(plain.length);
        }
        Files.write(file, decoded(TWO_ZSTD_FRAMES));
        assertThat(Compressions.uncompressedBytes(file, compression)).isPositive();
        Files.write(file, new byte[0]);
        assertThat(Compressions.uncompressedBytes(file, compression)).isZero();
    }

    private static byte[] bytes(int size) {
        byte[] bytes = new byte[size];
        Random random = new Random(size);
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (random.nextInt(7) + 'a');
        }
        return bytes;
    }

    private static byte[] decoded(String text) {
        return Base64.getDecoder().decode(text);
    }

    private static byte[] compress(byte[] plain, Compression compression) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = Compressions.compress(bytes, compression)) {
            out.write(plain);
        }
        return bytes.toByteArray();
    }

    private byte[] read(byte[] compressed, Compression compression) throws IOException {
        Path file = Files.write(folder.resolve("file"), compressed);
        try (InputStream in = Compressions.open(file, compression)) {
            return in.readAllBytes();
        }
    }
}
