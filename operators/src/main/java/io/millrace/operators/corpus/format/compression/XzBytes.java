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

/** The bytes of an xz file of any number of streams. */
final class XzBytes extends InputStream {
    /** What {@code xz -9} makes needs half of it. */
    private static final int MOST_KIB = 128 << 10;

    private final XZInputStream in;

    XzBytes(InputStream in) throws IOException {
        try {
            this.in = new XZInputStream(in, MOST_KIB);
        } catch (IOException e) {
            throw told(e);
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
            throw told(e);
        }
    }

    /** What the disk says is no fault of the file. */
    private static IOException told(IOException e) {
        if (e instanceof EOFException) {
            return new UnreadableFileException("its xz data is cut off");
        }
        if (e instanceof MemoryLimitException limit) {
            return new UnreadableFileException(
                    "its xz data needs %,d MiB to be read, and %,d are the most: compress it with a smaller dictionary, such as xz -9"
                            .formatted(limit.getMemoryNeeded() >> 10, MOST_KIB >> 10));
        }
        if (e instanceof XZIOException) {
            return new UnreadableFileException(
                    "its xz data is damaged, or it is not xz (%s)".formatted(e.getMessage()));
        }
        return e;
    }

    /** Bytes that a file has decompressed, as its index says; 0 where it has none. */
    static long plainBytes(Path file) throws IOException {
        try (SeekableXZInputStream index =
                new SeekableXZInputStream(new SeekableFileInputStream(file.toFile()), MOST_KIB)) {
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
