package io.millrace.gpu.tensor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A pointer file of Git LFS: the few lines that stand for a file that was not fetched.
 *
 * @see <a href="https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md">The format</a>
 */
public final class GitLfsPointer {
    private static final byte[] BEGIN =
            "version https://git-lfs.github.com/spec/".getBytes(StandardCharsets.US_ASCII);

    private GitLfsPointer() {}

    /** Refuses a file that is a pointer; the message names the remedy. */
    public static void refuse(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            if (Arrays.equals(in.readNBytes(BEGIN.length), BEGIN)) {
                throw new InvalidModelException(
                        "%s is not there yet, only its Git LFS pointer: run git lfs pull in %s."
                                .formatted(file, file.toAbsolutePath().getParent()));
            }
        }
    }
}
