package io.millrace.operators.corpus.format.text;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowFormTest {
    private static final Columns PROMPT = new Columns("prompt", null, "answer", false);
    private static final Columns OVERWRITE = new Columns("prompt", null, "answer", true);

    @Test
    void anAnswerIsPutBehindTheFieldsWhichKeepTheirBytes() {
        assertWritten(
                PROMPT,
                " {\"prompt\" : \"caf\\u00e9\", \"n\":1.50e+3 ,\"x\":{\"answer\":1}\t} ",
                " {\"prompt\" : \"caf\\u00e9\", \"n\":1.50e+3 ,\"x\":{\"answer\":1}\t,\"answer\":\"A\"} ");
        assertWritten(PROMPT, "{ }", "{ \"answer\":\"A\"}");
        assertThat(text(new JsonForm(PROMPT).write("{}".getBytes(UTF_8), List.of("a\"\n", "ü☕"))))
                .isEqualTo("{\"answer\":[\"a\\\"\\n\",\"ü☕\"]}\n");
    }

    @Test
    void aFieldThatIsThereIsWrittenOverInItsPlace() {
        for (String old :
                List.of(
                        "1",
                        "-1.5e3",
                        "null",
                        "true",
                        "\"x, }\"",
                        "{\"answer\":[1]}",
                        "[ 1, 2 ]")) {
            assertWritten(
                    OVERWRITE,
                    "{\"a\":[1,{\"answer\":2}], \"answer\" : " + old + " ,\"z\":\"é😀\"}",
                    "{\"a\":[1,{\"answer\":2}], \"answer\":\"A\" ,\"z\":\"é😀\"}");
            assertWritten(OVERWRITE, "{\"answer\":" + old + "}", "{\"answer\":\"A\"}");
        }
        assertWritten(OVERWRITE, "{\"z\":\"é😀\"}", "{\"z\":\"é😀\",\"answer\":\"A\"}");
    }

    @Test
    void aRequestIsReadWithoutTheOldAnswerAndWithAnId() throws CodecException {
        JsonForm form = new JsonForm(new Columns(null, null, "answer", true));
        for (String row :
                List.of(
                        "{\"prompt\":\"p\" , \"answer\":{\"a\":1} }",
                        "{\"answer\":1 , \"prompt\":\"p\"}",
                        "{\"prompt\":\"p\"}")) {
            Fields fields = form.read(row.getBytes(UTF_8));
            assertThat(fields.id()).isNull();
            assertThat(text(fields.request()).replace(" ", ""))
                    .isEqualTo("{\"prompt\":\"p\",\"id\":\"row\"}");
        }
        Fields named = form.read("{\"id\":\"7\",\"prompt\":\"p\"}".getBytes(UTF_8));
        assertThat(named.id()).isEqualTo("7");
        assertThat(text(named.request())).isEqualTo("{\"id\":\"7\",\"prompt\":\"p\"}");
    }

    @Test
    void aPathLeadsToThePromptAndToTheId() throws CodecException {
        JsonForm form = new JsonForm(new Columns("mail.body", "mail.id", "answer", false));
        Fields fields =
                form.read("{\"mail\":{\"id\":17,\"body\":\"hello\"},\"id\":1}".getBytes(UTF_8));
        assertThat(fields.prompt()).isEqualTo("hello");
        assertThat(fields.id()).isEqualTo("17");
        assertThat(fields.request()).isNull();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"prompt\":\"a\"           | UNREADABLE        | not valid JSON",
                "{\"prompt\":\"a\"} {}       | UNREADABLE        | not valid JSON",
                "{\"prompt\":\"a\",\"prompt\":\"b\"} | UNREADABLE | Duplicate",
                "[1]                         | UNREADABLE        | not a JSON object, but an array",
                "\"x\"                       | UNREADABLE        | not a JSON object, but a string",
                "{\"text\":\"a\"}            | EMPTY_PROMPT      | no field prompt",
                "{\"prompt\":7}              | INVALID_PARAMETER | field prompt is 7",
                "{\"prompt\":null}           | INVALID_PARAMETER | field prompt is null",
                "{\"prompt\":\"\\ud800\"}    | INVALID_PARAMETER | surrogate",
                "{\"prompt\":\"a\",\"answer\":null} | INVALID_PARAMETER | --overwrite",
            })
    void whatIsNoRowSaysWhy(String row, FailureCode code, String message) {
        assertFault(new JsonForm(PROMPT), row.getBytes(UTF_8), code, message);
    }

    @Test
    void badUtf8IsTheRowsFault() throws UnreadableFileException {
        byte[] json = "{\"prompt\":\"a?\"}".getBytes(UTF_8);
        json[12] = (byte) 0xe9;
        assertFault(new JsonForm(PROMPT), json, FailureCode.UNREADABLE, "byte 12");
        CsvForm csv = new CsvForm("prompt\n".getBytes(UTF_8), ',', PROMPT);
        assertFault(csv, new byte[] {'a', (byte) 0xff}, FailureCode.UNREADABLE, "byte 1");
    }

    @Test
    void anIdThatIsNoneIsTheRowsFault() throws UnreadableFileException {
        Columns columns = new Columns("prompt", "key", "answer", false);
        for (String row : List.of("{\"prompt\":\"a\"}", "{\"prompt\":\"a\",\"key\":\"\"}")) {
            assertFault(
                    new JsonForm(columns),
                    row.getBytes(UTF_8),
                    FailureCode.MISSING_ID,
                    "--id-field");
        }
        CsvForm csv = new CsvForm("prompt,key\n".getBytes(UTF_8), ',', columns);
        assertFault(csv, "a".getBytes(UTF_8), FailureCode.MISSING_ID, "column key");
    }

    @Test
    void aCsvFileWithoutTheColumnsIsRefused() {
        assertRefused("text,id\n", PROMPT, "no column \"prompt\"", "text, id");
        assertRefused("prompt,prompt\n", PROMPT, "2 columns \"prompt\"");
        assertRefused("prompt,answer\n", PROMPT, "--overwrite");
        assertRefused("a,b\n", new Columns(null, null, "answer", false), "--prompt-field");
    }

    @Test
    void anAnswerTakesThePlaceOfAnOldOneInItsColumn() throws Exception {
        CsvForm form = new CsvForm("answer,prompt\r\n".getBytes(UTF_8), ',', OVERWRITE);
        assertThat(text(form.header())).isEqualTo("answer,prompt\r\n");
        assertThat(text(form.write("\"a\"\"b\",\"p\"".getBytes(UTF_8), List.of("x,y"))))
                .isEqualTo("\"x,y\",\"p\"\r\n");
    }

    @Test
    void theFirstLineOfACsvOutputKeepsItsMarkAndItsLineEnd() throws Exception {
        CsvForm form = new CsvForm("\uFEFFprompt,\"b\"".getBytes(UTF_8), ',', PROMPT);
        assertThat(text(form.header())).isEqualTo("\uFEFFprompt,\"b\",answer\n");
        assertThat(text(form.write("x".getBytes(UTF_8), List.of("")))).isEqualTo("x,,\n");
        assertThat(new CsvForm(new byte[0], ',', PROMPT).header()).isEmpty();
    }

    private static void assertWritten(Columns columns, String row, String expected) {
        byte[] written = new JsonForm(columns).write(row.getBytes(UTF_8), List.of("A"));
        assertThat(text(written)).isEqualTo(expected + "\n");
    }

    private static void assertFault(RowForm form, byte[] row, FailureCode code, String message) {
        assertThatThrownBy(() -> form.read(row))
                .isInstanceOfSatisfying(
                        CodecException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(message);
    }

    private static void assertRefused(String header, Columns columns, String... parts) {
        assertThatThrownBy(() -> new CsvForm(header.getBytes(UTF_8), ',', columns))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageContainingAll(parts);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, UTF_8);
    }
}
