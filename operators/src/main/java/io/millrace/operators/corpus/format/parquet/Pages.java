package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DataPageV1;
import org.apache.parquet.column.page.DataPageV2;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DataPageHeaderV2;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.Util;

/** The pages of one column in one row group, read one at a time. One thread. */
final class Pages implements PageReader {
    private final ChannelBytes in;
    private final ColumnDescriptor descriptor;
    private final ColumnMetaData column;

    /** Shared by all columns of the row group. */
    private final PageBounds bounds;

    /** Decompressed bytes of the current page. */
    private long held;

    /** A header that was read before its page; null if none was. */
    private PageHeader next;

    private long values;

    Pages(
            FileChannel channel,
            ColumnDescriptor descriptor,
            ColumnMetaData column,
            PageBounds bounds) {
        this.descriptor = descriptor;
        this.column = column;
        this.bounds = bounds;
        long from = column.getData_page_offset();
        // Some writers set the offset to 0 if there is no dictionary.
        if (column.isSetDictionary_page_offset() && column.getDictionary_page_offset() > 0) {
            from = Math.min(from, column.getDictionary_page_offset());
        }
        in = new ChannelBytes(channel, from);
    }

    @Override
    public long getTotalValueCount() {
        return column.getNum_values();
    }

    @Override
    public DictionaryPage readDictionaryPage() {
        try {
            PageHeader header = header();
            if (header.getType() != PageType.DICTIONARY_PAGE) {
                next = header;
                return null;
            }
            // A dictionary stays in memory until the row group ends.
            bounds.replace(0, header.getUncompressed_page_size());
            byte[] page = decompress(header, bytes(header), 0);
            int count = header.getDictionary_page_header().getNum_values();
            PageBounds.requireDictionary(descriptor.getPrimitiveType(), count, page);
            return new DictionaryPage(
                    BytesInput.from(page),
                    count,
                    encoding(header.getDictionary_page_header().getEncoding()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public DataPage readPage() {
        if (values >= column.getNum_values()) {
            return null;
        }
        try {
            while (true) {
                PageHeader header = next == null ? header() : next;
                next = null;
                bounds.replace(held, header.getUncompressed_page_size());
                held = header.getUncompressed_page_size();
                byte[] page = bytes(header);
                if (header.isSetData_page_header()) {
                    return page(header, header.getData_page_header(), page);
                }
                if (header.isSetData_page_header_v2()) {
                    return page(header, header.getData_page_header_v2(), page);
                }
                // Skip index pages and unknown kinds.
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private DataPage page(PageHeader header, DataPageHeader data, byte[] page)
            throws UnreadableFileException {
        values += positive(data.getNum_values());
        byte[] plain = decompress(header, page, 0);
        Encoding repetition = encoding(data.getRepetition_level_encoding());
        Encoding definition = encoding(data.getDefinition_level_encoding());
        Encoding encoding = encoding(data.getEncoding());
        PageBounds.requireLevelsAndValues(
                descriptor, data.getNum_values(), repetition, definition, encoding, plain);
        return new DataPageV1(
                BytesInput.from(plain),
                data.getNum_values(),
                plain.length,
                null,
                repetition,
                definition,
                encoding);
    }

    /** A page of version 2: uncompressed levels, then values. */
    private DataPage page(PageHeader header, DataPageHeaderV2 data, byte[] page)
            throws UnreadableFileException {
        values += positive(data.getNum_values());
        int repetition = data.getRepetition_levels_byte_length();
        int levels = repetition + data.getDefinition_levels_byte_length();
        if (repetition < 0 || levels < repetition || levels > page.length) {
            throw new UnreadableFileException("one of its pages is damaged (levels)");
        }
        boolean compressed = !data.isSetIs_compressed() || data.isIs_compressed();
        byte[] plain = compressed ? decompress(header, page, levels) : page;
        int from = compressed ? 0 : levels;
        int count = data.getNum_values();
        Encoding encoding = encoding(data.getEncoding());
        PageBounds.requireLevels(count, descriptor.getMaxRepetitionLevel(), page, 0, repetition);
        PageBounds.requireLevels(
                count, descriptor.getMaxDefinitionLevel(), page, repetition, levels);
        PageBounds.requireValues(encoding, count, plain, from);
        return DataPageV2.uncompressed(
                data.getNum_rows(),
                data.getNum_nulls(),
                count,
                BytesInput.from(page, 0, repetition),
                BytesInput.from(page, repetition, levels - repetition),
                encoding,
                BytesInput.from(plain, from, plain.length - from),
                null);
    }

    private static int positive(int count) throws UnreadableFileException {
        if (count <= 0) {
            throw new UnreadableFileException(
                    "one of its pages is damaged (%d values)".formatted(count));
        }
        return count;
    }

    private static Encoding encoding(org.apache.parquet.format.Encoding encoding)
            throws UnreadableFileException {
        try {
            return Encoding.valueOf(encoding.name());
        } catch (IllegalArgumentException | NullPointerException e) {
            throw new UnreadableFileException(
                    "one of its pages has an unsupported encoding (%s)".formatted(encoding));
        }
    }

    private PageHeader header() throws IOException {
        try {
            PageHeader header = Util.readPageHeader(in);
            PageBounds.requireSize(header);
            return header;
        } catch (UncheckedIOException | UnreadableFileException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw new UnreadableFileException(
                    "one of its page headers is damaged (%s)"
                            .formatted(Text.brief(String.valueOf(e.getMessage()), 100)));
        }
    }

    private byte[] bytes(PageHeader header) throws IOException {
        int length = header.getCompressed_page_size();
        if (length > in.left()) {
            throw new UnreadableFileException("one of its pages is truncated");
        }
        byte[] page = in.readNBytes(length);
        CRC32 sum = new CRC32();
        sum.update(page);
        if (header.isSetCrc() && header.getCrc() != (int) sum.getValue()) {
            throw new UnreadableFileException("one of its pages is damaged (checksum)");
        }
        return page;
    }

    private byte[] decompress(PageHeader header, byte[] page, int from)
            throws UnreadableFileException {
        byte[] data = from == 0 ? page : Arrays.copyOfRange(page, from, page.length);
        int length = header.getUncompressed_page_size() - from;
        if (length < 0) {
            throw new UnreadableFileException("one of its pages is damaged (length)");
        }
        return data.length == 0 && length == 0
                ? data
                : PageCodec.decompress(column.getCodec(), data, length);
    }

    /**
     * The bytes of the file from an offset on. Errors of the disk are unchecked exceptions, to tell
     * them from faults of the file.
     */
    private static final class ChannelBytes extends InputStream {
        private final FileChannel channel;
        private final ByteBuffer buffer = ByteBuffer.allocate(1 << 14).limit(0);
        private long position;

        ChannelBytes(FileChannel channel, long from) {
            this.channel = channel;
            this.position = from;
        }

        /** Bytes up to the end of the file. */
        long left() throws IOException {
            return channel.size() - position + buffer.remaining();
        }

        @Override
        public int read() throws IOException {
            return buffer.hasRemaining() || fill() ? buffer.get() & 0xff : -1;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            if (!buffer.hasRemaining() && length >= buffer.capacity()) {
                int count = read(ByteBuffer.wrap(target, offset, length));
                position += Math.max(0, count);
                return count;
            }
            if (!buffer.hasRemaining() && !fill()) {
                return -1;
            }
            int count = Math.min(length, buffer.remaining());
            buffer.get(target, offset, count);
            return count;
        }

        private boolean fill() {
            buffer.clear();
            int count = read(buffer);
            position += Math.max(0, count);
            buffer.flip();
            return count > 0;
        }

        private int read(ByteBuffer target) {
            try {
                return position < 0 ? -1 : channel.read(target, position);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
