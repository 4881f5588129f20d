package io.millrace.operators.corpus.format.compression;

import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import org.tukaani.xz.MemoryLimitException;
import org.tukaani.xz.SeekableFileInputStream;
import org.tukaani.xz.SeekableXZInputStream;
import org.tukaani.xz.XZIOException;
import org.tukaani.xz.XZInputStream;

/** Decompresses an xz file with any number of streams. */
final class XzBytes extends InputStream {
    /** Memory limit of the decoder: twice what files of {@code xz -9} need. */
    private static final int MAX_KIB = 128 << 10;

    private final XZInputStream in;

    XzBytes(InputStream in) throws IOException {
        try {
            this.in = new XZInputStream(in, MAX_KIB);
        } catch (IOException e) {
            throw translated(e);
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        try {
            return in.read(target, offset, length);
        } catch (IOException e) {
            throw translated(e);
        }
    }

    /** An unreadable file if its data is at fault; the exception itself if the disk is. */
    private static IOException translated(IOException e) {
        if (e instanceof EOFException) {
            return new UnreadableFileException("its xz data is truncated");
        }
        if (e instanceof MemoryLimitException limit) {
            return new UnreadableFileException(
                    "decompressing its xz data needs %,d MiB, more than the maximum of %,d: compress it with a smaller dictionary, such as that of xz -9"
                            .formatted(limit.getMemoryNeeded() >> 10, MAX_KIB >> 10));
        }
        if (e instanceof XZIOException) {
            return new UnreadableFileException(
                    "its xz data is damaged, or it is not xz (%s)".formatted(e.getMessage()));
        }
        return e;
    }

    /** Decompressed size of a file by its index; 0 without a valid index. */
    static long uncompressedBytes(Path file) throws IOException {
        try (SeekableXZInputStream index =
                new SeekableXZInputStream(new SeekableFileInputStream(file.toFile()), MAX_KIB)) {
            return index.length();
        } catch (XZIOException | EOFException e) {
            return 0;
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
