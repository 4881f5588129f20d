package io.millrace.operators.corpus.format.parquet;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import org.apache.parquet.format.CompressionCodec;
import org.xerial.snappy.Snappy;

/** Compresses and decompresses the pages of Parquet files. */
final class PageCodec {
    private static final int ZSTD_LEVEL = 3;

    /** The implementation in Java: native ones can produce other bytes on other machines. */
    private static final LZ4Factory LZ4 = LZ4Factory.safeInstance();

    private PageCodec() {}

    /**
     * Decompresses a page.
     *
     * @param length its decompressed length
     * @throws UnreadableFileException the page is damaged, or the codec is not supported
     */
    static byte[] decompress(CompressionCodec codec, byte[] page, int length)
            throws UnreadableFileException {
        try {
            byte[] plain =
                    switch (codec) {
                        case UNCOMPRESSED -> page;
                        case SNAPPY -> snappy(page, length);
                        case GZIP -> gunzip(page, length);
                        case ZSTD -> Zstd.decompress(page, length);
                        case LZ4_RAW ->
                                LZ4.safeDecompressor().decompress(page, 0, page.length, length);
                        case BROTLI, LZO, LZ4 -> throw unreadable(codec);
                    };
            if (plain.length != length) {
                throw new UnreadableFileException(
                        "one of its pages has %,d bytes instead of %,d"
                                .formatted(plain.length, length));
            }
            return plain;
        } catch (UnreadableFileException e) {
            throw e;
        } catch (IOException | ZstdException | LZ4Exception e) {
            throw new UnreadableFileException(
                    "one of its pages is damaged (%s: %s)".formatted(codec, e.getMessage()));
        }
    }

    /** Refuses codecs that are not supported. */
    static void requireReadable(CompressionCodec codec) throws UnreadableFileException {
        switch (codec) {
            case UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4_RAW -> {}
            case BROTLI, LZO, LZ4 -> throw unreadable(codec);
        }
    }

    private static UnreadableFileException unreadable(CompressionCodec codec) {
        return new UnreadableFileException(
                "its pages are compressed with %s, which is not supported: write the file with zstd, snappy or gzip"
                        .formatted(codec));
    }

    private static byte[] snappy(byte[] page, int length) throws IOException {
        if (Snappy.uncompressedLength(page) != length) {
            throw new IOException("its length differs from its header's");
        }
        return Snappy.uncompress(page);
    }

    private static byte[] gunzip(byte[] page, int length) throws IOException {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(page))) {
            return in.readNBytes(length);
        }
    }

    /** Compresses a page. */
    static byte[] compress(CompressionCodec codec, byte[] plain) throws IOException {
        return switch (codec) {
            case UNCOMPRESSED -> plain;
            case SNAPPY -> Snappy.compress(plain);
            case GZIP -> {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream(plain.length / 2 + 64);
                try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
                    out.write(plain);
                }
                yield bytes.toByteArray();
            }
            case ZSTD -> Zstd.compress(plain, ZSTD_LEVEL);
            case LZ4_RAW -> LZ4.fastCompressor().compress(plain);
            case BROTLI, LZO, LZ4 -> throw new IllegalArgumentException(codec + " is not written.");
        };
    }
}
