package io.millrace.gpu.tensor;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * Bytes that lie in a file.
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
            public boolean fill(byte[] to, int length, long from) throws IOException {
                return FileBytes.this.fill(channel, to, length, from);
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }

    private boolean fill(FileChannel channel, byte[] to, int length, long from) throws IOException {
        // A heap buffer is copied through a direct one of its size that the JDK keeps: go in steps.
        for (int done = 0; done < length; ) {
            int step = Math.min(READ_BYTES, length - done);
            int read = channel.read(ByteBuffer.wrap(to, done, step), position + from + done);
            if (read < 0) {
                return false;
            }
            done += read;
        }
        return true;
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
