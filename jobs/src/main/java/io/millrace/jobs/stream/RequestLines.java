package io.millrace.jobs.stream;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Reads and counts the lines of a file with any content. A line ends with a line feed, a carriage
 * return or both. A line that is too long is not kept beyond the limit.
 */
final class RequestLines implements AutoCloseable {
    private static final int BUFFER = 1 << 16;
    private static final int NONE = -1;

    private final InputStream in;
    private final int mostBytes;
    private final byte[] buffer = new byte[BUFFER];
    private int from;
    private int to;
    private long number;
    private long length;
    private boolean afterReturn;
    private byte[] line;

    /** A line that is no text. The message describes it, without the line's number. */
    static final class BadLineException extends Exception {
        private static final long serialVersionUID = 1L;

        BadLineException(String message) {
            super(message);
        }
    }

    /**
     * @param mostBytes maximum bytes of a line; a longer one is skipped
     */
    RequestLines(InputStream in, int mostBytes) {
        this.in = in;
        this.mostBytes = mostBytes;
    }

    /** Moves to the next line; false at the end of the file. */
    boolean next() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        length = 0;
        boolean any = false;
        while (true) {
            int at = find();
            if (at == NONE) {
                break;
            }
            any = true;
            boolean ends = at < to;
            keep(bytes, at);
            if (ends) {
                afterReturn = buffer[at] == '\r';
                from = at + 1;
                break;
            }
        }
        if (!any) {
            return false;
        }
        number++;
        line = bytes.toByteArray();
        return true;
    }

    /** Index of the next line end; {@link #to} if the buffer has none at the end of the file. */
    private int find() throws IOException {
        if (from == to && !fill()) {
            return NONE;
        }
        if (afterReturn) {
            afterReturn = false;
            if (buffer[from] == '\n') {
                from++;
                return find();
            }
        }
        int at = from;
        while (at < to && buffer[at] != '\n' && buffer[at] != '\r') {
            at++;
        }
        return at;
    }

    private boolean fill() throws IOException {
        from = 0;
        to = Math.max(0, in.read(buffer));
        return to > 0;
    }

    private void keep(ByteArrayOutputStream bytes, int until) {
        int more = until - from;
        length += more;
        bytes.write(buffer, from, Math.min(more, mostBytes - bytes.size()));
        from = until;
    }

    /** Number of the line, from 1. */
    long number() {
        return number;
    }

    /** The line, without its line end. */
    String text() throws BadLineException {
        if (length > mostBytes) {
            throw new BadLineException(
                    "it has %,d bytes, more than a record may have".formatted(length));
        }
        // Refuses broken characters: the prompt would be answered as another one.
        CharsetDecoder decoder =
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer bytes = ByteBuffer.wrap(line);
        CharBuffer text = CharBuffer.allocate(line.length);
        CoderResult result = decoder.decode(bytes, text, true);
        if (result.isError()) {
            throw new BadLineException(
                    "it is not UTF-8 at byte %d (0x%02x): convert it first"
                            .formatted(bytes.position() + 1, line[bytes.position()] & 0xff));
        }
        return text.flip().toString();
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
