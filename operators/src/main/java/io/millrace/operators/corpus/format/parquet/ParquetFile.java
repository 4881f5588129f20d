package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.schemas.text.Text;
import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;

/**
 * An open Parquet file and its footer.
 *
 * <pre>
 *   [PAR1][row groups][footer][length of the footer, 4 bytes, little-endian][PAR1]
 * </pre>
 */
final class ParquetFile implements Closeable {
    static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] ENCRYPTED = "PARE".getBytes(StandardCharsets.US_ASCII);
    private static final int TAIL = Integer.BYTES + MAGIC.length;

    private final FileChannel channel;
    private final FileMetaData footer;
    private final ParquetSchema schema;

    private ParquetFile(FileChannel channel) throws IOException {
        this.channel = channel;
        this.footer = readFooter(channel);
        this.schema = ParquetSchema.of(footer.getSchema());
        for (RowGroup group : footer.getRow_groups()) {
            requireReadable(group);
        }
    }

    /**
     * Opens a file.
     *
     * @throws UnreadableFileException it is not a complete Parquet file, or uses a feature that is
     *     not supported
     */
    static ParquetFile open(Path path) throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
        try {
            return new ParquetFile(channel);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static FileMetaData readFooter(FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < MAGIC.length || !Arrays.equals(read(channel, 0, MAGIC.length), MAGIC)) {
            throw new UnreadableFileException(
                    size < MAGIC.length
                            ? "it is truncated"
                            : "it is not Parquet: it does not begin with PAR1");
        }
        if (size < MAGIC.length + TAIL) {
            throw new UnreadableFileException("it is truncated: its footer is missing");
        }
        byte[] tail = read(channel, size - TAIL, TAIL);
        byte[] end = Arrays.copyOfRange(tail, Integer.BYTES, TAIL);
        if (Arrays.equals(end, ENCRYPTED)) {
            throw new UnreadableFileException("its footer is encrypted");
        }
        int length = ByteBuffer.wrap(tail).order(ByteOrder.LITTLE_ENDIAN).getInt();
        if (!Arrays.equals(end, MAGIC) || length < 0 || length > size - MAGIC.length - TAIL) {
            throw new UnreadableFileException("it is truncated: its footer is missing");
        }
        return parse(read(channel, size - TAIL - length, length));
    }

    /** Parses a footer. */
    static FileMetaData parse(byte[] footer) throws UnreadableFileException {
        try {
            return Util.readFileMetaData(new ByteArrayInputStream(footer));
        } catch (IOException | RuntimeException e) {
            throw new UnreadableFileException(
                    "its footer is damaged (%s)"
                            .formatted(Text.brief(String.valueOf(e.getMessage()), 100)));
        }
    }

    private static byte[] read(FileChannel channel, long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, offset + bytes.position()) < 0) {
                throw new UnreadableFileException("it is truncated");
            }
        }
        return bytes.array();
    }

    private void requireReadable(RowGroup group) throws UnreadableFileException {
        List<ColumnChunk> chunks = group.getColumns();
        if (chunks.size() != schema.message().getColumns().size() || group.getNum_rows() < 0) {
            throw new UnreadableFileException("its footer is damaged: a row group lacks columns");
        }
        for (ColumnChunk chunk : chunks) {
            if (chunk.isSetFile_path()) {
                throw new UnreadableFileException(
                        "its rows are in another file, " + chunk.getFile_path());
            }
            if (chunk.isSetCrypto_metadata() || !chunk.isSetMeta_data()) {
                throw new UnreadableFileException("its columns are encrypted");
            }
            PageCodec.requireReadable(chunk.getMeta_data().getCodec());
        }
    }

    FileChannel channel() {
        return channel;
    }

    FileMetaData footer() {
        return footer;
    }

    ParquetSchema schema() {
        return schema;
    }

    /** The codec of the first column chunk, with which the output is written. */
    CompressionCodec codec() {
        return footer.getRow_groups().isEmpty()
                ? CompressionCodec.UNCOMPRESSED
                : footer.getRow_groups().get(0).getColumns().get(0).getMeta_data().getCodec();
    }

    /** Decompressed bytes of all row groups, as the footer declares them. */
    long uncompressedBytes() {
        long sum = 0;
        for (RowGroup group : footer.getRow_groups()) {
            sum += Math.max(0, group.getTotal_byte_size());
        }
        return sum;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
