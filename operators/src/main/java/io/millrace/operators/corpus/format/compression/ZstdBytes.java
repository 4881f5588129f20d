package io.millrace.operators.corpus.format.compression;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/**
 * Decompresses a zstd file with any number of frames. The library's stream treats a truncated
 * second frame as the end of the file (1.5.6-10, if the first frame ends in the same input buffer).
 */
final class ZstdBytes extends InputStream {
    private static final int BUFFER = 1 << 16;

    private final InputStream in;
    private final ZstdDecompressCtx context = new ZstdDecompressCtx();
    private final byte[] piece = new byte[BUFFER];
    private final ByteBuffer compressed = ByteBuffer.allocateDirect(BUFFER).limit(0);
    private final ByteBuffer plain = ByteBuffer.allocateDirect(2 * BUFFER).limit(0);

    /** Whether a frame has begun and not ended; an empty file counts as a truncated frame. */
    private boolean inFrame = true;

    ZstdBytes(InputStream in) {
        this.in = in;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        while (!plain.hasRemaining()) {
            boolean full = plain.limit() == plain.capacity();
            if (!compressed.hasRemaining() && !(full && inFrame) && !fill()) {
                if (inFrame) {
                    throw new UnreadableFileException("its zstd data is truncated");
                }
                return -1;
            }
            decompress();
        }
        int count = Math.min(length, plain.remaining());
        plain.get(target, offset, count);
        return count;
    }

    private void decompress() throws IOException {
        plain.clear();
        try {
            inFrame = !context.decompressDirectByteBufferStream(plain, compressed);
        } catch (ZstdException e) {
            if (e.getErrorCode() == Zstd.errFrameParameterWindowTooLarge()) {
                throw new UnreadableFileException(
                        "its zstd window is larger than 128 MiB: compress it without --long");
            }
            throw new UnreadableFileException(
                    "its zstd data is damaged, or it is not zstd (%s)".formatted(e.getMessage()));
        }
        plain.flip();
    }

    private boolean fill() throws IOException {
        int count = in.read(piece);
        compressed.clear();
        compressed.put(piece, 0, Math.max(0, count)).flip();
        return count > 0;
    }

    /**
     * Decompressed size of the first frame; 0 if its header does not contain it.
     *
     * @param head the first bytes of the file
     */
    static long uncompressedBytes(byte[] head) {
        return head.length == 0 ? 0 : Math.max(0, Zstd.getFrameContentSize(head));
    }

    @Override
    public void close() throws IOException {
        context.close();
        in.close();
    }
}
