package io.millrace.operators.corpus;

import io.millrace.gpu.common.Sha256;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.FileFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * An input file, and what tells whether it is still the same.
 *
 * @param name its path below the input's folder, with slashes; names its output too
 * @param path absolute
 * @param size bytes
 * @param modifiedMs when it was changed last, milliseconds since 1970
 * @param head SHA-256 of its first 64 KiB, lower-case hexadecimal
 * @param format what it is made of
 */
public record InputFile(
        String name, String path, long size, long modifiedMs, String head, FileFormat format)
        implements Serializable {
    private static final int HEAD = 64 << 10;

    /** Looks at a file. */
    public static InputFile of(String name, Path path, FileFormat format) throws IOException {
        return new InputFile(
                name,
                path.toString(),
                Files.size(path),
                Files.getLastModifiedTime(path).toMillis(),
                head(path),
                format);
    }

    private static String head(Path path) throws IOException {
        try (InputStream in = Files.newInputStream(path)) {
            return Sha256.hex(in.readNBytes(HEAD));
        }
    }

    /** What has become of the file since it was looked at; null if it is the same. */
    public String changes() throws IOException {
        try {
            InputFile now = of(name, Path.of(path), format);
            if (now.size != size) {
                return "had %,d bytes and has %,d now".formatted(size, now.size);
            }
            if (now.modifiedMs != modifiedMs) {
                return "was changed since";
            }
            return now.head.equals(head) ? null : "begins with other bytes now";
        } catch (NoSuchFileException e) {
            return "is gone";
        }
    }

    /** About how many bytes the rows have, for what is told of the progress. */
    public long plainBytes() throws IOException {
        return RowFiles.plainBytes(format, Path.of(path));
    }
}
