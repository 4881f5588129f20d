package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.Answers;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.RowWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnWriteStore;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnOrder;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.TypeDefinedOrder;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.api.RecordConsumer;

/**
 * Writes a Parquet file with the input's columns unchanged and the answer as a column of strings.
 * The end of a row group depends on its number of rows and on their bytes in the encoding of {@link
 * Records} with the answers, so that the same rows give the same file. Buffers one row group.
 */
public final class ParquetWriter implements RowWriter {
    private static final int MAX_ROWS = 100_000;
    private static final long MAX_BYTES = 64 << 20;

    /** In the format that readers parse. */
    private static final String CREATED_BY = "millrace version 1 (build 1)";

    private final ParquetHeader header;
    private final ParquetSchema schema;
    private final int result;
    private final MessageColumnIO columns;
    private final OutputStream out;
    private final List<RowGroup> groups = new ArrayList<>();
    private long offset;
    private long rows;

    /** Buffers of the current row group. */
    private Map<ColumnDescriptor, PageBuffer> pages;

    private ColumnWriteStore store;
    private RecordConsumer consumer;
    private int groupRows;
    private long groupBytes;

    /**
     * @param header header of the input's reader
     * @param out not closed
     */
    public ParquetWriter(byte[] header, Columns columns, OutputStream out) throws IOException {
        this.header = ParquetHeader.read(header);
        int replaced = ParquetForm.resultColumn(this.header.schema(), columns);
        this.schema = this.header.schema().withText(columns.result(), replaced);
        this.result = replaced < 0 ? schema.column(columns.result()) : replaced;
        this.columns = new ColumnIOFactory().getColumnIO(schema.message());
        this.out = out;
        write(ParquetFile.MAGIC);
    }

    private void write(byte[] bytes) throws IOException {
        out.write(bytes);
        offset += bytes.length;
    }

    @Override
    public void add(byte[] row, List<String> answers) throws IOException {
        if (store == null) {
            begin();
        }
        Object[] record = Records.read(header.schema().message(), row);
        Object[] answered = Arrays.copyOf(record, schema.message().getFieldCount());
        byte[] answer = Answers.text(answers).getBytes(StandardCharsets.UTF_8);
        answered[result] = answer;
        Records.write(schema.message(), answered, consumer);
        groupRows++;
        groupBytes += row.length + answer.length;
        if (groupRows >= MAX_ROWS || groupBytes >= MAX_BYTES) {
            endGroup();
        }
    }

    private void begin() {
        pages = new HashMap<>();
        ParquetProperties properties =
                ParquetProperties.builder()
                        .withStatisticsEnabled(false)
                        .withSizeStatisticsEnabled(false)
                        .build();
        store =
                properties.newColumnWriteStore(
                        schema.message(),
                        column ->
                                pages.computeIfAbsent(
                                        column, each -> new PageBuffer(each, header.codec())));
        consumer = columns.getRecordWriter(store);
        groupRows = 0;
        groupBytes = 0;
    }

    private void endGroup() throws IOException {
        consumer.flush();
        store.flush();
        List<ColumnChunk> chunks = new ArrayList<>();
        long from = offset;
        long uncompressed = 0;
        for (ColumnDescriptor column : schema.message().getColumns()) {
            ColumnChunk chunk = pages.get(column).writeTo(out, offset);
            offset += chunk.getMeta_data().getTotal_compressed_size();
            uncompressed += chunk.getMeta_data().getTotal_uncompressed_size();
            chunks.add(chunk);
        }
        groups.add(
                new RowGroup(chunks, uncompressed, groupRows)
                        .setFile_offset(from)
                        .setTotal_compressed_size(offset - from)
                        .setOrdinal((short) groups.size()));
        rows += groupRows;
        close();
    }

    @Override
    public void finish() throws IOException {
        if (store != null) {
            endGroup();
        }
        FileMetaData footer = new FileMetaData(1, schema.elements(), rows, groups);
        footer.setCreated_by(CREATED_BY);
        footer.setKey_value_metadata(header.metadata());
        List<ColumnOrder> orders = new ArrayList<>();
        schema.message()
                .getColumns()
                .forEach(column -> orders.add(ColumnOrder.TYPE_ORDER(new TypeDefinedOrder())));
        footer.setColumn_orders(orders);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(4096);
        Util.writeFileMetaData(footer, bytes);
        write(bytes.toByteArray());
        write(
                ByteBuffer.allocate(Integer.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(bytes.size())
                        .array());
        write(ParquetFile.MAGIC);
    }

    @Override
    public void close() {
        if (store != null) {
            store.close();
            store = null;
        }
    }
}
