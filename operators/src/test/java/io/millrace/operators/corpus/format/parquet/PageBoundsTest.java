package io.millrace.operators.corpus.format.parquet;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.format.UnreadableFileException;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;
import org.apache.parquet.bytes.HeapByteBufferAllocator;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.values.delta.DeltaBinaryPackingValuesWriterForInteger;
import org.apache.parquet.column.values.deltastrings.DeltaByteArrayWriter;
import org.apache.parquet.column.values.rle.RunLengthBitPackingHybridValuesWriter;
import org.apache.parquet.format.DictionaryPageHeader;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;

/** What the library's encoders write is let through; what makes a decoder take much is not. */
class PageBoundsTest {
    private static final HeapByteBufferAllocator HEAP = HeapByteBufferAllocator.getInstance();
    private static final int COUNT = 1033;

    @Test
    void whatTheEncodersWriteIsLetThrough() throws Exception {
        ColumnDescriptor column =
                MessageTypeParser.parseMessageType("message m { optional int32 a; }")
                        .getColumns()
                        .get(0);
        byte[] levels;
        try (var writer = new RunLengthBitPackingHybridValuesWriter(1, 64, 4096, HEAP)) {
            IntStream.range(0, COUNT).forEach(i -> writer.writeInteger(i % 300 < 200 ? 1 : i & 1));
            levels = writer.getBytes().toByteArray();
        }
        byte[] deltas;
        try (var writer = new DeltaBinaryPackingValuesWriterForInteger(64, 4096, HEAP)) {
            IntStream.range(0, COUNT).forEach(i -> writer.writeInteger(i * i * 7919));
            deltas = writer.getBytes().toByteArray();
        }
        byte[] page =
                ByteBuffer.allocate(levels.length + deltas.length).put(levels).put(deltas).array();
        assertThatCode(
                        () ->
                                PageBounds.requireLevelsAndValues(
                                        column,
                                        COUNT,
                                        Encoding.BIT_PACKED,
                                        Encoding.RLE,
                                        Encoding.DELTA_BINARY_PACKED,
                                        page))
                .doesNotThrowAnyException();
        byte[] strings;
        try (var writer = new DeltaByteArrayWriter(64, 4096, HEAP)) {
            IntStream.range(0, COUNT)
                    .forEach(i -> writer.writeBytes(Binary.fromString("text " + i * i)));
            strings = writer.getBytes().toByteArray();
        }
        assertThatCode(() -> PageBounds.requireValues(Encoding.DELTA_BYTE_ARRAY, COUNT, strings, 0))
                .doesNotThrowAnyException();
    }

    @Test
    void arraysThatNoPageFillsAreRefused() {
        // Width 1, then a run of 2^27 groups of 8.
        assertDamaged(Encoding.RLE_DICTIONARY, "a run of", 1, 0x81, 0x80, 0x80, 0x80, 1);
        assertDamaged(Encoding.RLE_DICTIONARY, "width", 33, 2, 0);
        assertDamaged(Encoding.RLE_DICTIONARY, "no end", 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        // Blocks of 128 in 4 parts.
        assertDamaged(Encoding.DELTA_BINARY_PACKED, "deltas", 0x80, 1, 4, 101, 0);
        assertDamaged(Encoding.DELTA_BINARY_PACKED, "deltas", 0x80, 1, 0, 5, 0);
        assertDamaged(Encoding.DELTA_BINARY_PACKED, "deltas", 0x80, 0x80, 0x80, 1, 4, 5, 0);
        assertDamaged(Encoding.DELTA_LENGTH_BYTE_ARRAY, "too short", 0x80, 1, 4, 5, 0, 0, 9);
        assertDamaged(Encoding.RLE, "levels", 9, 0, 0, 0, 2);
    }

    private static void assertDamaged(Encoding encoding, String message, int... bytes) {
        byte[] page = new byte[bytes.length];
        IntStream.range(0, page.length).forEach(i -> page[i] = (byte) bytes[i]);
        assertThatThrownBy(() -> PageBounds.requireValues(encoding, 100, page, 0))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageContaining(message);
    }

    @Test
    void pagesAreRefusedByTheirBytesOneByOneAndTogether() throws Exception {
        PageHeader page = new PageHeader(PageType.DATA_PAGE, PageBounds.MAX_BYTES, 5);
        PageBounds.requireSize(page);
        assertThatThrownBy(
                        () ->
                                PageBounds.requireSize(
                                        page.setCompressed_page_size(PageBounds.MAX_BYTES + 1)))
                .hasMessageContaining("134,217,729 bytes, more than the maximum of 134,217,728")
                .hasMessageContaining("smaller pages");
        PageHeader dictionary = new PageHeader(PageType.DICTIONARY_PAGE, 1 << 26, 5);
        dictionary.setDictionary_page_header(
                new DictionaryPageHeader(7, org.apache.parquet.format.Encoding.PLAIN));
        assertThatThrownBy(() -> PageBounds.requireSize(dictionary))
                .hasMessageContaining("one dictionary has 67,108,864 bytes");
        PageBounds bounds = new PageBounds();
        for (int column = 0; column < 4; column++) {
            bounds.replace(0, PageBounds.MAX_BYTES);
        }
        bounds.replace(PageBounds.MAX_BYTES, PageBounds.MAX_BYTES);
        assertThatThrownBy(() -> bounds.replace(0, 1)).hasMessageContaining("536,870,913 bytes");
    }
}
