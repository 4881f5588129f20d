package io.millrace.operators.corpus.output;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.openai.BatchErrors;
import io.millrace.operators.corpus.output.FileEvent.End;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Base64;

/** Writes the failures of one input file as lines of JSON. One thread. */
final class FailureLines {
    private static final JsonFactory JSON =
            new JsonFactory().disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);

    private final End end;
    private final OutputStream out;

    FailureLines(End end, OutputStream out) {
        this.end = end;
        this.out = out;
    }

    /** Writes the failure of a row. */
    void add(StagedRow row) throws IOException {
        if (isBatch()) {
            try (JsonGenerator json = JSON.createGenerator(out)) {
                BatchErrors.writeRow(
                        json, end.file(), row.number(), row.row(), row.code(), row.message());
                json.writeRaw('\n');
            }
            return;
        }
        try (JsonGenerator json = begin()) {
            json.writeNumberField("row", row.number());
            json.writeNumberField("line", row.line());
            json.writeStringField("code", row.code());
            json.writeStringField("message", Text.writable(row.message()));
            String text = RowFiles.text(end.format(), end.header(), row.row());
            if (text != null) {
                json.writeStringField("original", text);
            } else {
                json.writeStringField(
                        "original_base64", Base64.getEncoder().encodeToString(row.row()));
            }
            end(json);
        }
    }

    /** Writes the failure of the file itself, which cannot be read to its end. */
    void addFile() throws IOException {
        if (isBatch()) {
            try (JsonGenerator json = JSON.createGenerator(out)) {
                BatchErrors.writeFile(json, end.file(), end.rows(), end.fault());
                json.writeRaw('\n');
            }
            return;
        }
        try (JsonGenerator json = begin()) {
            json.writeNumberField("last_good_row", end.rows());
            json.writeStringField("code", FailureCode.UNREADABLE.wireName());
            json.writeStringField("message", Text.writable(end.fault()));
            end(json);
        }
    }

    private boolean isBatch() {
        return end.format().rows() == FileFormat.Rows.OPENAI_BATCH;
    }

    private JsonGenerator begin() throws IOException {
        JsonGenerator json = JSON.createGenerator(out);
        json.writeStartObject();
        json.writeStringField("file", Text.writable(end.file()));
        return json;
    }

    private static void end(JsonGenerator json) throws IOException {
        json.writeEndObject();
        json.writeRaw('\n');
    }
}
