package io.millrace.operators.corpus.format.parquet;

import static io.millrace.operators.corpus.format.parquet.ParquetSamples.file;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.repeated;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.texts;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.Util;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that are damaged, or in a form that is not read. */
class DamagedParquetTest {
    private static final int CHANGES = 150;

    @TempDir Path folder;

    @Test
    void whatIsNoParquetThatIsReadSaysWhy() throws IOException {
        byte[] whole = Files.readAllBytes(file("plain"));
        assertUnreadable(new byte[0], "it is truncated");
        assertUnreadable("{\"text\":1}\n".getBytes(UTF_8), "does not begin with PAR1");
        for (int length : new int[] {4, 5, 11, 12, 97, whole.length - 9, whole.length - 1}) {
            assertUnreadable(Arrays.copyOf(whole, length), "it is truncated");
        }
        byte[] encrypted = whole.clone();
        encrypted[whole.length - 1] = 'E';
        assertUnreadable(encrypted, "encrypted");
        assertUnreadable(
                Files.readAllBytes(file("brotli")),
                "compressed with BROTLI, which is not supported: write the file with zstd, snappy or gzip");
        assertThat(FileFormat.of("x.parquet.gz", null, null)).isNull();
    }

    /** Pages that are written here have checksums. */
    @Test
    void aDamagedPageIsNoticedAtItsFirstRow() throws IOException {
        byte[] whole = repeated(20_001);
        int inSecondPage = 4;
        try (ParquetFile file = ParquetFile.open(Files.write(folder.resolve("x"), whole))) {
            long text =
                    file.footer().getRow_groups().get(0).getColumns().stream()
                            .filter(c -> c.getMeta_data().getPath_in_schema().contains("number"))
                            .findFirst()
                            .orElseThrow()
                            .getMeta_data()
                            .getData_page_offset();
            inSecondPage += (int) text;
        }
        for (int damaged : new int[] {inSecondPage + 97, whole.length - 1500}) {
            byte[] other = whole.clone();
            other[damaged] ^= 0x41;
            Path file = Files.write(folder.resolve("damaged"), other);
            assertThatThrownBy(() -> texts(file, RowPosition.START))
                    .isInstanceOf(UnreadableFileException.class);
        }
    }

    /** Whatever is damaged costs this file and nothing else. */
    @ParameterizedTest
    @ValueSource(strings = {"zstd-v2", "pages-v2", "snappy"})
    void aChangedByteGivesRowsOrSaysThatItIsDamaged(String name) throws IOException {
        byte[] whole = Files.readAllBytes(file(name));
        Random random = new Random(15);
        SoftAssertions softly = new SoftAssertions();
        for (int i = 0; i < CHANGES; i++) {
            int at = random.nextInt(whole.length);
            byte[] damaged = whole.clone();
            damaged[at] ^= (byte) (1 + random.nextInt(255));
            Path file = Files.write(folder.resolve("damaged"), damaged);
            softly.assertThatCode(
                            () -> {
                                try {
                                    texts(file, RowPosition.START);
                                } catch (UnreadableFileException e) {
                                    assertThat(e.getMessage()).isNotEmpty();
                                }
                            })
                    .as("byte %d of %s", at, name)
                    .doesNotThrowAnyException();
        }
        softly.assertAll();
    }

    @Test
    void aCodecThatIsNotWrittenIsRefusedWhereverItStands() throws IOException {
        byte[] whole = repeated(100_017);
        FileMetaData footer;
        try (ParquetFile file = ParquetFile.open(Files.write(folder.resolve("x"), whole))) {
            footer = file.footer();
        }
        footer.getRow_groups()
                .get(1)
                .getColumns()
                .get(1)
                .getMeta_data()
                .setCodec(CompressionCodec.LZO);
        ByteArrayOutputStream changed = new ByteArrayOutputStream();
        changed.write(whole, 0, whole.length - 8 - footerLength(whole));
        int before = changed.size();
        Util.writeFileMetaData(footer, changed);
        ByteBuffer tail = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        changed.write(tail.putInt(changed.size() - before).put(ParquetFile.MAGIC).array());
        assertUnreadable(changed.toByteArray(), "compressed with LZO, which is not supported");
    }

    private static int footerLength(byte[] file) {
        return ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(file.length - 8);
    }

    private void assertUnreadable(byte[] bytes, String message) throws IOException {
        Path file = Files.write(folder.resolve("file"), bytes);
        assertThatThrownBy(() -> texts(file, RowPosition.START))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageContaining(message);
    }
}
