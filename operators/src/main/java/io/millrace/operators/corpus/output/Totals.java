package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.output.FileEvent.Tally;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Counts of committed files and rows, kept in a file beside the outputs, because a finished job has
 * no checkpoint from which to read them.
 *
 * @param files input files whose output or failure is committed
 * @param tally counts of their rows
 */
public record Totals(long files, Tally tally) {
    /** Length of the file of earlier releases, whose tallies have four counts. */
    private static final int FIRST_BYTES = 5 * Long.BYTES;

    /** The totals of an output folder; zero if nothing is committed. */
    public static Totals read(OutputFolder folder) throws IOException {
        Path path = path(folder);
        if (!Files.exists(path)) {
            return new Totals(0, Tally.NONE);
        }
        try (DataInputStream in = new DataInputStream(Files.newInputStream(path))) {
            long files = in.readLong();
            boolean first = Files.size(path) == FIRST_BYTES;
            return new Totals(
                    files,
                    first
                            ? FileEventSerializer.readFirstTally(in)
                            : FileEventSerializer.readTally(in));
        }
    }

    void write(OutputFolder folder) throws IOException {
        Path path = path(folder);
        Path part = path.resolveSibling(path.getFileName() + ".part");
        try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(part))) {
            out.writeLong(files);
            FileEventSerializer.write(tally, out);
        }
        Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
    }

    private static Path path(OutputFolder folder) {
        return folder.hidden().resolve("totals");
    }
}
