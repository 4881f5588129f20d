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
 * An input file, with the properties by which a change of the file is noticed.
 *
 * @param name path relative to the input folder, with slashes; the output has the same name
 * @param path absolute path
 * @param size bytes
 * @param modifiedMs time of the last change, milliseconds since 1970
 * @param head SHA-256 of the first 64 KiB, lower-case hexadecimal
 * @param format format of the rows
 */
public record InputFile(
        String name, String path, long size, long modifiedMs, String head, FileFormat format)
        implements Serializable {
    private static final int HEAD_BYTES = 64 << 10;

    /** Reads the properties of a file. */
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
            return Sha256.hex(in.readNBytes(HEAD_BYTES));
        }
    }

    /** How the file has changed since then, for a message; null if it has not. */
    public String changes() throws IOException {
        try {
            InputFile now = of(name, Path.of(path), format);
            if (now.size != size) {
                return "had %,d bytes and now has %,d".formatted(size, now.size);
            }
            if (now.modifiedMs != modifiedMs) {
                return "was changed";
            }
            return now.head.equals(head) ? null : "now begins with other bytes";
        } catch (NoSuchFileException e) {
            return "was deleted";
        }
    }

    /** Estimated size of the rows in bytes, for progress reports. */
    public long uncompressedBytes() throws IOException {
        return RowFiles.uncompressedBytes(format, Path.of(path));
    }
}
