package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.RowWriter;
import io.millrace.operators.corpus.output.FileEvent.End;
import io.millrace.operators.corpus.output.RowIndex.Entry;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Assembles the output of one input file: its rows in order, each once, and failed rows in a file
 * of their own. The bytes depend on rows and answers alone, so an output that already exists is
 * kept.
 */
final class FileAssembly {
    private static final int BUFFER = 1 << 16;

    private final OutputFolder folder;
    private final Columns columns;
    private final String attempt;

    /**
     * @param attempt a unique name: an earlier attempt that is still running may write the same
     *     output
     */
    FileAssembly(OutputFolder folder, Columns columns, String attempt) {
        this.folder = folder;
        this.columns = columns;
        this.attempt = attempt;
    }

    /** Writes output and failures of a complete file, then publishes them. */
    void commit(FileState file) throws IOException {
        End end = file.end();
        if (folder.isCommitted(end)) {
            return;
        }
        removeLeftovers(end.file());
        Path answers = sibling(end.file(), "");
        Path failures = sibling(end.file(), ".failures");
        try (StagedParts parts = new StagedParts(List.copyOf(file.parts()));
                RowIndex index = new RowIndex(sibling(end.file(), ".index"))) {
            fill(index, parts, end);
            write(end, index, parts, answers, failures);
        }
        // The output comes last: if it exists, so do the failures.
        if (Files.size(failures) > 0) {
            OutputFolder.publish(failures, folder.failures(end.file()));
        } else {
            Files.delete(failures);
        }
        if (end.fault() == null) {
            OutputFolder.publish(answers, folder.output(end.file()));
        } else {
            Files.delete(answers);
        }
    }

    private Path sibling(String file, String ending) {
        Path encoding = folder.encoding(file);
        return encoding.resolveSibling(encoding.getFileName() + "-" + attempt + ending);
    }

    /** Deletes files of earlier attempts. */
    private void removeLeftovers(String file) throws IOException {
        Path encoding = folder.encoding(file);
        Files.createDirectories(encoding.getParent());
        List<Path> leftovers = new ArrayList<>();
        try (DirectoryStream<Path> found =
                Files.newDirectoryStream(encoding.getParent(), encoding.getFileName() + "-*")) {
            found.forEach(leftovers::add);
        }
        for (Path each : leftovers) {
            if (!each.getFileName().toString().contains(attempt)) {
                Files.deleteIfExists(each);
            }
        }
    }

    private static void fill(RowIndex index, StagedParts parts, End end) throws IOException {
        for (int part = 0; part < parts.count(); part++) {
            long offset = 0;
            while (offset < parts.length(part)) {
                ByteBuffer head = parts.bytes(part, offset, StagedRow.LENGTH_BYTES + Long.BYTES);
                int length = head.getInt();
                long number = head.getLong();
                if (number < 1 || number > end.rows() || index.get(number) != null) {
                    throw new OutputFaults.StagingLost(
                            "%s: row %d is staged, but it has rows 1 to %d, each once."
                                    .formatted(end.file(), number, end.rows()));
                }
                index.put(number, new Entry(part, length, offset + StagedRow.LENGTH_BYTES));
                offset += StagedRow.LENGTH_BYTES + length;
            }
        }
    }

    private void write(End end, RowIndex index, StagedParts parts, Path answers, Path failures)
            throws IOException {
        try (FileChannel answerChannel = create(answers);
                FileChannel failureChannel = create(failures);
                OutputStream failed =
                        new BufferedOutputStream(Channels.newOutputStream(failureChannel), BUFFER);
                OutputStream bytes =
                        new BufferedOutputStream(Channels.newOutputStream(answerChannel), BUFFER);
                RowWriter out = end.fault() == null ? writer(end, bytes) : null) {
            FailureLines lines = new FailureLines(end, failed);
            for (long number = 1; number <= end.rows(); number++) {
                Entry entry = index.get(number);
                if (entry == null) {
                    throw new OutputFaults.StagingLost(
                            "%s: row %d is not staged.".formatted(end.file(), number));
                }
                StagedRow row = parts.row(entry);
                if (row.code() != null) {
                    lines.add(row);
                } else if (out != null) {
                    out.add(row.row(), row.answers());
                }
            }
            if (out == null) {
                lines.addFile();
            } else {
                out.finish();
            }
            bytes.flush();
            failed.flush();
            answerChannel.force(true);
            failureChannel.force(true);
        }
    }

    private RowWriter writer(End end, OutputStream bytes) throws IOException {
        return RowFiles.write(end.format(), end.header(), columns, bytes);
    }

    private static FileChannel create(Path path) throws IOException {
        return FileChannel.open(
                path,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING);
    }
}
