package io.millrace.gpu.tensor;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * Bytes of a tensor in a file.
 *
 * @param position of the tensor's first byte
 */
record FileBytes(Path file, long position) implements TensorBytes {
    private static final int READ_BYTES = 256 << 10;

    @Override
    public Reader open() throws IOException {
        FileChannel channel = FileChannel.open(file);
        return new Reader() {
            @Override
            public boolean fill(ByteBuffer to, long from) throws IOException {
                return FileBytes.this.fill(channel, to, from);
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }

    private boolean fill(FileChannel channel, ByteBuffer to, long from) throws IOException {
        long at = position + from;
        int end = to.limit();
        while (to.position() < end) {
            // The JDK copies a heap buffer through a direct one of the same size, which it keeps:
            // so read in parts.
            to.limit(to.isDirect() ? end : Math.min(end, to.position() + READ_BYTES));
            int read = channel.read(to, at);
            to.limit(end);
            if (read < 0) {
                return false;
            }
            at += read;
        }
        return true;
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
