package io.millrace.operators.corpus.format.compression;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import io.millrace.operators.corpus.format.Compression;
import java.io.BufferedInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.GZIPOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Opens files for reading and writing as they are compressed. */
public final class Compressions {
    private static final int BUFFER = 1 << 16;

    /** As {@code xz -3}: two thirds of the default's gain at six times its speed, in 32 MiB. */
    private static final int XZ_PRESET = 3;

    private static final int ZSTD_LEVEL = 3;

    /** A zstd frame header has 18 bytes at most. */
    private static final int ZSTD_HEADER = 18;

    private Compressions() {}

    /**
     * The bytes of a file, decompressed.
     *
     * @throws io.millrace.operators.corpus.format.UnreadableFileException its beginning is not
     *     compressed so
     */
    public static InputStream open(Path file, Compression compression) throws IOException {
        InputStream in = Files.newInputStream(file);
        try {
            return switch (compression) {
                case NONE -> in;
                case GZIP -> new GzipBytes(new BufferedInputStream(in, BUFFER));
                case XZ -> new XzBytes(new BufferedInputStream(in, BUFFER));
                case ZSTD -> new ZstdBytes(new BufferedInputStream(in, BUFFER));
            };
        } catch (IOException | RuntimeException | Error e) {
            in.close();
            throw e;
        }
    }

    /** Bytes as the output has them; closing it completes them and leaves {@code out} open. */
    public static OutputStream compress(OutputStream out, Compression compression)
            throws IOException {
        OutputStream kept = new KeptOpen(out);
        return switch (compression) {
            case NONE -> kept;
            case GZIP -> new GZIPOutputStream(kept, BUFFER);
            case XZ -> new XZOutputStream(kept, new LZMA2Options(XZ_PRESET));
            case ZSTD -> new ZstdOutputStreamNoFinalizer(kept, ZSTD_LEVEL).setChecksum(true);
        };
    }

    private static final class KeptOpen extends FilterOutputStream {
        KeptOpen(OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
        }

        @Override
        public void close() throws IOException {
            out.flush();
        }
    }

    /**
     * About how many bytes a file has decompressed; those that it has where there is no telling.
     */
    public static long plainBytes(Path file, Compression compression) throws IOException {
        long size = Files.size(file);
        long plain =
                switch (compression) {
                    case NONE -> size;
                    case GZIP -> gzipBytes(file, size);
                    case XZ -> XzBytes.plainBytes(file);
                    case ZSTD -> ZstdBytes.plainBytes(head(file));
                };
        return Math.max(size, plain);
    }

    /** A member ends with its length, of which only the last 32 bits are there. */
    private static long gzipBytes(Path file, long size) throws IOException {
        ByteBuffer end = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        if (size < Integer.BYTES) {
            return 0;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            channel.read(end, size - Integer.BYTES);
        }
        return end.getInt(0) & 0xffff_ffffL;
    }

    private static byte[] head(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(ZSTD_HEADER);
        }
    }
}
