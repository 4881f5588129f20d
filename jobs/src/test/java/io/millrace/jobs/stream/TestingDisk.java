package io.millrace.jobs.stream;

import java.io.IOException;
import java.net.URI;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystemFactory;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.local.LocalFileSystem;
import org.apache.flink.core.fs.local.LocalRecoverableWriter;

/** The local disk under the scheme {@code testing-disk}, which a test makes full. */
public final class TestingDisk extends LocalFileSystem {
    static final String SCHEME = "testing-disk";

    private static volatile boolean full;

    static void setFull(boolean full) {
        TestingDisk.full = full;
    }

    @Override
    public URI getUri() {
        return URI.create(SCHEME + ":///");
    }

    @Override
    public FSDataOutputStream create(Path path, WriteMode overwrite) throws IOException {
        if (full) {
            // As Linux words it.
            throw new IOException("No space left on device");
        }
        return super.create(path, overwrite);
    }

    /** None, so that all files are written through {@link #create}. */
    @Override
    public LocalRecoverableWriter createRecoverableWriter() {
        throw new UnsupportedOperationException("no recoverable writer");
    }

    /** Found by Flink's service loader. */
    public static final class Factory implements FileSystemFactory {
        @Override
        public String getScheme() {
            return SCHEME;
        }

        @Override
        public FileSystem create(URI uri) {
            return new TestingDisk();
        }
    }
}
