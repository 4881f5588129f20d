package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.output.FileNews.Tally;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * What has been committed so far, in a file beside the outputs: a job that is done has no
 * checkpoint any more to tell it.
 *
 * @param files input files whose output, or failure, is where it belongs
 * @param tally of their rows
 */
public record Totals(long files, Tally tally) {

    /** Those of a folder; none where nothing is committed yet. */
    public static Totals read(OutputFolder folder) throws IOException {
        Path path = path(folder);
        if (!Files.exists(path)) {
            return new Totals(0, Tally.NONE);
        }
        try (DataInputStream in = new DataInputStream(Files.newInputStream(path))) {
            return new Totals(in.readLong(), FileNewsSerializer.readTally(in));
        }
    }

    void write(OutputFolder folder) throws IOException {
        Path path = path(folder);
        Path part = path.resolveSibling(path.getFileName() + ".part");
        try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(part))) {
            out.writeLong(files);
            FileNewsSerializer.write(tally, out);
        }
        Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
    }

    private static Path path(OutputFolder folder) {
        return folder.hidden().resolve("totals");
    }
}
