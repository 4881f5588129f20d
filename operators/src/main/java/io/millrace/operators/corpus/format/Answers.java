package io.millrace.operators.corpus.format;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.millrace.schemas.text.Text;
import java.util.List;
import java.util.stream.Collectors;

/** Formats the answers of one row for output files. */
public final class Answers {
    private Answers() {}

    /** JSON: a string for one answer, an array of strings for several. */
    public static String json(List<String> answers) {
        if (answers.size() == 1) {
            return quoted(answers.get(0));
        }
        return answers.stream().map(Answers::quoted).collect(Collectors.joining(",", "[", "]"));
    }

    /** Text of one cell: the answer itself, or JSON if there are several. */
    public static String text(List<String> answers) {
        return answers.size() == 1 ? Text.writable(answers.get(0)) : json(answers);
    }

    /** A JSON string. */
    public static String quoted(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16).append('"');
        JsonStringEncoder.getInstance().quoteAsString(Text.writable(text), out);
        return out.append('"').toString();
    }
}
