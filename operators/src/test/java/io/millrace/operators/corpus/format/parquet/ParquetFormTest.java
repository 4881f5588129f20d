package io.millrace.operators.corpus.format.parquet;

import static io.millrace.operators.corpus.format.parquet.ParquetSamples.COLUMNS;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.PARQUET;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.file;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.open;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Where prompts and ids lie in a row. */
class ParquetFormTest {
    @Test
    void aPathLeadsToThePromptAndToTheId() throws Exception {
        try (RowReader rows = open(file("snappy"), RowPosition.START)) {
            RowForm body =
                    RowFiles.form(
                            PARQUET,
                            rows.header(),
                            new Columns("mail.body", "name.with dots", "answer", false));
            Fields fields = body.read(rows.next().bytes());
            assertThat(fields.prompt()).isEqualTo("body 0");
            assertThat(fields.id()).isEqualTo("d0");
            RowForm text = RowFiles.form(PARQUET, rows.header(), COLUMNS);
            assertThat(text.read(rows.next().bytes()).id()).isEqualTo("1");
            for (int i = 2; i < 5; i++) {
                rows.next();
            }
            byte[] fifth = rows.next().bytes();
            assertThatThrownBy(() -> text.read(fifth))
                    .isInstanceOfSatisfying(
                            CodecException.class,
                            e -> {
                                assertThat(e.code()).isEqualTo(FailureCode.EMPTY_PROMPT);
                                assertThat(e.id()).isEqualTo("5");
                            })
                    .hasMessageContaining("column text, which --prompt-field names, is null");
            RowForm binary =
                    RowFiles.form(PARQUET, rows.header(), new Columns("bytes", null, "a", false));
            assertThatThrownBy(() -> binary.read(fifth))
                    .hasMessageContaining("byte 0 of column bytes is not UTF-8");
        }
    }

    @Test
    void aFileWithoutTheColumnsIsRefused() throws IOException {
        assertRefused(
                new Columns("words", null, "answer", false), "no column \"words\"", "number, text");
        assertRefused(new Columns("mail", null, "answer", false), "\"mail\"", "is a group");
        assertRefused(new Columns("tags.list", null, "answer", false), "several values per row");
        assertRefused(new Columns("number", null, "answer", false), "is INT64: it must be text");
        assertRefused(
                new Columns("text", "x", "answer", false),
                "\"x\", which --id-field names, is DOUBLE");
        assertRefused(new Columns("text", null, "tags", false), "--overwrite");
        assertRefused(new Columns(null, null, "answer", false), "--prompt-field");
    }

    private static void assertRefused(Columns columns, String... parts) throws IOException {
        try (RowReader rows = open(file("plain"), RowPosition.START)) {
            assertThatThrownBy(() -> RowFiles.form(PARQUET, rows.header(), columns))
                    .isInstanceOf(UnreadableFileException.class)
                    .hasMessageContainingAll(parts);
        }
    }
}
