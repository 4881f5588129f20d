package io.millrace.operators.corpus.format.parquet;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageWriter;
import org.apache.parquet.column.statistics.SizeStatistics;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.column.statistics.geospatial.GeospatialStatistics;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DictionaryPageHeader;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.Type;
import org.apache.parquet.format.Util;

/** Buffers the pages of one column until its row group is complete. One thread. */
final class PageBuffer implements PageWriter {
    private final ColumnDescriptor column;
    private final CompressionCodec codec;
    private final ByteArrayOutputStream pages = new ByteArrayOutputStream();
    private final ByteArrayOutputStream dictionary = new ByteArrayOutputStream();
    private final Set<org.apache.parquet.format.Encoding> encodings =
            EnumSet.noneOf(org.apache.parquet.format.Encoding.class);
    private long values;
    private long uncompressedBytes;

    PageBuffer(ColumnDescriptor column, CompressionCodec codec) {
        this.column = column;
        this.codec = codec;
    }

    @Override
    public void writePage(
            BytesInput bytes,
            int valueCount,
            Statistics<?> statistics,
            Encoding repetition,
            Encoding definition,
            Encoding encoding)
            throws IOException {
        PageHeader header = new PageHeader();
        header.setType(PageType.DATA_PAGE);
        header.setData_page_header(
                new DataPageHeader(
                        valueCount, named(encoding), named(definition), named(repetition)));
        write(header, bytes, pages);
        values += valueCount;
    }

    @Override
    public void writePage(
            BytesInput bytes,
            int valueCount,
            int rowCount,
            Statistics<?> statistics,
            Encoding repetition,
            Encoding definition,
            Encoding encoding)
            throws IOException {
        writePage(bytes, valueCount, statistics, repetition, definition, encoding);
    }

    @Override
    public void writePage(
            BytesInput bytes,
            int valueCount,
            int rowCount,
            Statistics<?> statistics,
            SizeStatistics sizes,
            GeospatialStatistics shapes,
            Encoding repetition,
            Encoding definition,
            Encoding encoding)
            throws IOException {
        writePage(bytes, valueCount, statistics, repetition, definition, encoding);
    }

    @Override
    public void writePageV2(
            int rowCount,
            int nullCount,
            int valueCount,
            BytesInput repetition,
            BytesInput definition,
            Encoding encoding,
            BytesInput data,
            Statistics<?> statistics) {
        throw new UnsupportedOperationException("Only pages of version 1 are written.");
    }

    @Override
    public void writeDictionaryPage(DictionaryPage page) throws IOException {
        PageHeader header = new PageHeader();
        header.setType(PageType.DICTIONARY_PAGE);
        header.setDictionary_page_header(
                new DictionaryPageHeader(page.getDictionarySize(), named(page.getEncoding())));
        write(header, page.getBytes(), dictionary);
    }

    private org.apache.parquet.format.Encoding named(Encoding encoding) {
        var named = org.apache.parquet.format.Encoding.valueOf(encoding.name());
        encodings.add(named);
        return named;
    }

    private void write(PageHeader header, BytesInput bytes, ByteArrayOutputStream out)
            throws IOException {
        byte[] plain = bytes.toByteArray();
        byte[] page = PageCodec.compress(codec, plain);
        CRC32 sum = new CRC32();
        sum.update(page);
        header.setUncompressed_page_size(plain.length);
        header.setCompressed_page_size(page.length);
        header.setCrc((int) sum.getValue());
        int before = out.size();
        Util.writePageHeader(header, out);
        uncompressedBytes += out.size() - before + plain.length;
        out.write(page);
    }

    /**
     * Writes the dictionary and all pages.
     *
     * @param offset position in the file at which they are written
     * @return the column chunk's entry in the footer
     */
    ColumnChunk writeTo(OutputStream out, long offset) throws IOException {
        dictionary.writeTo(out);
        pages.writeTo(out);
        ColumnMetaData metaData =
                new ColumnMetaData(
                        Type.valueOf(thriftType()),
                        List.copyOf(encodings),
                        List.of(column.getPath()),
                        codec,
                        values,
                        uncompressedBytes,
                        (long) dictionary.size() + pages.size(),
                        offset + dictionary.size());
        if (dictionary.size() > 0) {
            metaData.setDictionary_page_offset(offset);
        }
        return new ColumnChunk(offset).setMeta_data(metaData);
    }

    private String thriftType() {
        String name = column.getPrimitiveType().getPrimitiveTypeName().name();
        return name.equals("BINARY") ? "BYTE_ARRAY" : name;
    }

    @Override
    public long getMemSize() {
        return (long) pages.size() + dictionary.size();
    }

    @Override
    public long allocatedSize() {
        return getMemSize();
    }

    @Override
    public String memUsageString(String prefix) {
        return prefix + getMemSize() + " bytes";
    }
}
