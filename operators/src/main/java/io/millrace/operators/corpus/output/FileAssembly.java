package io.millrace.operators.corpus.output;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.output.FileNews.End;
import io.millrace.operators.corpus.output.RowIndex.Entry;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.text.Text;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Base64;
import java.util.List;

/**
 * Puts the output of one input file together: its rows in order, each once, and those without an
 * answer in a file aside. The bytes are a function of the rows and the answers alone. What has its
 * name already is left as it is, since it was made of the same.
 */
final class FileAssembly {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int BUFFER = 1 << 16;

    private final OutputFolder folder;
    private final Columns columns;

    FileAssembly(OutputFolder folder, Columns columns) {
        this.folder = folder;
        this.columns = columns;
    }

    /** Makes output and failures of a file that is whole, and gives them their names. */
    void commit(FileState file) throws IOException {
        End end = file.end();
        if (folder.isCommitted(end)) {
            return;
        }
        Path answers = folder.encoding(end.file());
        Path failures = answers.resolveSibling(answers.getFileName() + ".failures");
        Files.createDirectories(answers.getParent());
        try (StagedParts parts = new StagedParts(List.copyOf(file.parts()));
                RowIndex index =
                        new RowIndex(
                                answers.resolveSibling(answers.getFileName() + ".index"),
                                end.rows())) {
            fill(index, parts, end);
            write(end, index, parts, answers, failures);
        }
        // The output comes last: where it is, everything is.
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

    private static void fill(RowIndex index, StagedParts parts, End end) throws IOException {
        for (int part = 0; part < parts.count(); part++) {
            long offset = 0;
            while (offset < parts.length(part)) {
                ByteBuffer head = parts.bytes(part, offset, StagedRow.LENGTH_BYTES + Long.BYTES);
                int length = head.getInt();
                long number = head.getLong();
                if (number < 1 || number > end.rows() || index.get(number) != null) {
                    throw new IllegalStateException(
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
        RowForm form = end.fault() == null ? RowForm.of(end.format(), end.header(), columns) : null;
        try (FileChannel answerChannel = create(answers);
                FileChannel failureChannel = create(failures);
                OutputStream failed =
                        new BufferedOutputStream(Channels.newOutputStream(failureChannel), BUFFER);
                OutputStream bytes =
                        new BufferedOutputStream(Channels.newOutputStream(answerChannel), BUFFER)) {
            OutputStream out = form == null ? bytes : end.format().compress(bytes);
            if (form != null) {
                out.write(form.header());
            }
            for (long number = 1; number <= end.rows(); number++) {
                Entry entry = index.get(number);
                if (entry == null) {
                    throw new IllegalStateException(
                            "%s: row %d is not staged.".formatted(end.file(), number));
                }
                StagedRow row = parts.row(entry);
                if (row.code() != null) {
                    failed.write(failure(end.file(), row));
                } else if (form != null) {
                    out.write(form.write(row.row(), row.answers()));
                }
            }
            if (form == null) {
                failed.write(failure(end));
            } else if (out instanceof java.util.zip.GZIPOutputStream gzip) {
                gzip.finish();
            }
            out.flush();
            failed.flush();
            answerChannel.force(true);
            failureChannel.force(true);
        }
    }

    private static FileChannel create(Path path) throws IOException {
        return FileChannel.open(
                path,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING);
    }

    private static byte[] failure(String file, StagedRow row) throws IOException {
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream(512);
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField("file", Text.writable(file));
            json.writeNumberField("row", row.number());
            json.writeNumberField("line", row.line());
            json.writeStringField("code", row.code());
            json.writeStringField("message", Text.writable(row.message()));
            String text = Text.decode(row.row(), 0, row.row().length);
            if (text != null) {
                json.writeStringField("original", text);
            } else {
                json.writeStringField(
                        "original_base64", Base64.getEncoder().encodeToString(row.row()));
            }
            json.writeEndObject();
            json.writeRaw('\n');
        }
        return bytes.toByteArray();
    }

    /** Of the file itself. */
    private static byte[] failure(End end) throws IOException {
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream(512);
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField("file", Text.writable(end.file()));
            json.writeNumberField("last_good_row", end.rows());
            json.writeStringField("code", FailureCode.UNREADABLE.wireName());
            json.writeStringField("message", Text.writable(end.fault()));
            json.writeEndObject();
            json.writeRaw('\n');
        }
        return bytes.toByteArray();
    }
}
