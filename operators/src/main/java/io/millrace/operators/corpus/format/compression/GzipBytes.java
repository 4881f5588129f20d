package io.millrace.operators.corpus.format.compression;

import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Decompresses a gzip file (RFC 1952) with any number of members. The JDK's stream treats a
 * truncated or damaged second member as the end of the file.
 */
final class GzipBytes extends InputStream {
    private static final int BUFFER = 1 << 16;
    private static final int MAGIC = 0x8b1f;
    private static final int HEADER_CRC = 2;
    private static final int EXTRA = 4;
    private static final int NAME = 8;
    private static final int COMMENT = 16;
    private static final int RESERVED = 0xe0;

    private final InputStream in;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private final byte[] buffer = new byte[BUFFER];
    private int from;
    private int to;
    private boolean ended;

    GzipBytes(InputStream in) throws IOException {
        this.in = in;
        readHeader(nextByte());
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (!ended) {
            int count = inflate(target, offset, length);
            if (count > 0) {
                crc.update(target, offset, count);
                return count;
            }
            if (inflater.finished()) {
                from = to - inflater.getRemaining();
                readTrailer();
                ended = !nextMember();
            } else {
                fill();
                inflater.setInput(buffer, from, to - from);
            }
        }
        return -1;
    }

    private int inflate(byte[] target, int offset, int length) throws IOException {
        try {
            int count = inflater.inflate(target, offset, length);
            if (inflater.needsDictionary()) {
                throw new UnreadableFileException("its gzip data needs a dictionary");
            }
            return count;
        } catch (DataFormatException e) {
            throw new UnreadableFileException(
                    "its gzip data is damaged (%s)".formatted(e.getMessage()));
        }
    }

    private void readTrailer() throws IOException {
        long sum = littleEndian(4);
        long length = littleEndian(4);
        if (sum != crc.getValue() || length != (inflater.getBytesWritten() & 0xffff_ffffL)) {
            throw new UnreadableFileException("its gzip data is damaged (checksum)");
        }
    }

    /** Starts the next member, if there is one; zeros after the last member are padding. */
    private boolean nextMember() throws IOException {
        int first;
        do {
            if (from == to && !refill()) {
                return false;
            }
            first = buffer[from++] & 0xff;
        } while (first == 0);
        readHeader(first);
        inflater.reset();
        inflater.setInput(buffer, from, to - from);
        crc.reset();
        return true;
    }

    private void readHeader(int first) throws IOException {
        if ((first | nextByte() << 8) != MAGIC || nextByte() != 8) {
            throw new UnreadableFileException("it is not gzip, or other data follows its end");
        }
        int flags = nextByte();
        if ((flags & RESERVED) != 0) {
            throw new UnreadableFileException("its gzip header has flags that RFC 1952 reserves");
        }
        // Modification time, extra flags, operating system.
        skip(6);
        if ((flags & EXTRA) != 0) {
            skip((int) littleEndian(2));
        }
        for (int text : new int[] {NAME, COMMENT}) {
            if ((flags & text) != 0) {
                while (nextByte() != 0) {
                    continue;
                }
            }
        }
        if ((flags & HEADER_CRC) != 0) {
            skip(2);
        }
        inflater.setInput(buffer, from, to - from);
    }

    private void skip(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            nextByte();
        }
    }

    private long littleEndian(int bytes) throws IOException {
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (long) nextByte() << 8 * i;
        }
        return value;
    }

    private int nextByte() throws IOException {
        if (from == to) {
            fill();
        }
        return buffer[from++] & 0xff;
    }

    private void fill() throws IOException {
        if (!refill()) {
            throw new UnreadableFileException("its gzip data is truncated");
        }
    }

    private boolean refill() throws IOException {
        from = 0;
        to = 0;
        int count = in.read(buffer);
        if (count == 0) {
            throw new EOFException("Reading a file returned neither bytes nor its end.");
        }
        to = Math.max(0, count);
        return count > 0;
    }

    @Override
    public void close() throws IOException {
        inflater.end();
        in.close();
    }
}
