package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Output;
import io.millrace.gpu.text.jinja.value.PythonText;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Filters with text as results. Inputs that are no strings are converted first. */
final class TextFilters {
    private TextFilters() {}

    static void addTo(Map<String, Filter> all) {
        for (String name : List.of("upper", "lower", "capitalize")) {
            all.put(name, (in, a, e) -> new StringMethods(string(in, e), e).call(name, a));
        }
        all.put("trim", (in, a, e) -> new StringMethods(string(in, e), e).call("strip", a));
        all.put("center", TextFilters::center);
        all.put("title", TextFilters::title);
        all.put("replace", TextFilters::replace);
        all.put("indent", TextFilters::indent);
        all.put("truncate", TextFilters::truncate);
        all.put("wordcount", TextFilters::wordCount);
        all.put("format", TextFilters::format);
        all.put("tojson", JsonText::filter);
        all.put("string", (in, a, e) -> string(in, e));
        all.put("safe", (in, a, e) -> new Str(e.text(in), true));
        all.put("escape", TextFilters::escape);
        all.put("e", TextFilters::escape);
        all.put("forceescape", (in, a, e) -> new Str(escaped(e.text(in), e), true));
        all.put("default", TextFilters::otherwise);
        all.put("d", TextFilters::otherwise);
    }

    static Str string(Value input, Evaluator evaluator) {
        return input instanceof Str s ? s : new Str(evaluator.text(input), false);
    }

    private static String escaped(String text, Evaluator evaluator) {
        evaluator.sandbox().text(6L * text.length());
        return PythonText.escaped(text);
    }

    private static Value escape(Value input, Arguments arguments, Evaluator evaluator) {
        Str s = string(input, evaluator);
        return s.safe() ? s : new Str(escaped(s.text(), evaluator), true);
    }

    private static Value otherwise(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("default", "default_value", "boolean");
        boolean missing =
                input instanceof Undefined || (bound.isTrue(1, false) && !Types.isTrue(input));
        return missing ? bound.or(0, Value.EMPTY_TEXT) : input;
    }

    private static Value center(Value input, Arguments arguments, Evaluator evaluator) {
        Value width = arguments.bind("center", "width").or(0, Value.of(80));
        return new StringMethods(string(input, evaluator), evaluator)
                .call("center", Arguments.of(width));
    }

    private static Value title(Value input, Arguments arguments, Evaluator evaluator) {
        arguments.bind("title");
        Str s = string(input, evaluator);
        evaluator.sandbox().text(s.text().length());
        StringBuilder result = new StringBuilder(s.text().length());
        boolean atStart = true;
        for (int at = 0; at < s.text().length(); ) {
            int c = s.text().codePointAt(at);
            String one = Character.toString(c);
            boolean separates = PythonText.isSpace(c) || "-({[<".indexOf(c) >= 0;
            result.append(
                    separates ? one : atStart ? PythonText.upper(one) : PythonText.lower(one));
            atStart = separates;
            at += Character.charCount(c);
        }
        return new Str(result.toString(), s.safe());
    }

    private static Value replace(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("replace", "old", "new", "count");
        Value old = Value.of(evaluator.text(bound.get(0)));
        Value by = Value.of(evaluator.text(bound.get(1)));
        Value count =
                bound.or(2, None.NONE) == None.NONE ? Value.of(-1) : Value.of(bound.integer(2, -1));
        return new StringMethods(new Str(evaluator.text(input), false), evaluator)
                .call("replace", Arguments.of(old, by, count));
    }

    private static Value indent(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("indent", "width", "first", "blank");
        if (!(input instanceof Str)) {
            throw TemplateException.of("indent wants a string, not " + Types.name(input));
        }
        String indent;
        if (bound.has(0) && bound.get(0) instanceof Str s) {
            indent = s.text();
        } else {
            int width = Math.max(0, bound.integer(0, 4));
            evaluator.sandbox().text(width);
            indent = " ".repeat(width);
        }
        Str s = string(input, evaluator);
        List<String> lines = StringParts.lines(false, s.text() + "\n");
        evaluator.sandbox().elements(lines.size());
        boolean blank = bound.isTrue(2, false);
        Output out = new Output(evaluator.sandbox());
        out.append(bound.isTrue(1, false) ? indent : "").append(lines.get(0));
        for (String line : lines.subList(1, lines.size())) {
            out.append("\n").append(blank || !line.isEmpty() ? indent : "").append(line);
        }
        return new Str(out.toString(), s.safe());
    }

    private static Value truncate(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("truncate", "length", "killwords", "end", "leeway");
        String text = evaluator.text(input);
        String end = bound.has(2) ? bound.text(2) : "...";
        int length = bound.integer(0, 255);
        int leeway = bound.has(3) && bound.get(3) != None.NONE ? bound.integer(3, 5) : 5;
        int kept = length - PythonText.length(end);
        if (kept < 0 || leeway < 0) {
            throw TemplateException.of("truncate wants a length that its end fits into");
        }
        evaluator.sandbox().text(text.length());
        if (PythonText.length(text) <= (long) length + leeway) {
            return Value.of(text);
        }
        String start = PythonText.slice(text, 0, kept);
        int space = start.lastIndexOf(' ');
        return Value.of(
                (bound.isTrue(1, false) || space < 0 ? start : start.substring(0, space)) + end);
    }

    private static Value wordCount(Value input, Arguments arguments, Evaluator evaluator) {
        arguments.bind("wordcount");
        String text = evaluator.text(input);
        evaluator.sandbox().text(text.length());
        int[] count = {0, 0};
        text.codePoints()
                .forEach(
                        c -> {
                            int inWord = Character.isLetterOrDigit(c) || c == '_' ? 1 : 0;
                            count[0] += inWord > count[1] ? 1 : 0;
                            count[1] = inWord;
                        });
        return Value.of(count[0]);
    }

    private static Value format(Value input, Arguments arguments, Evaluator evaluator) {
        Value values = new Seq(Kind.TUPLE, new ArrayList<>(arguments.positional()));
        if (!arguments.named().isEmpty()) {
            Value.Dict named = new Value.Dict();
            arguments.named().forEach(named::put);
            values = named;
        }
        return evaluator.operators().binary("%", Value.of(evaluator.text(input)), values);
    }
}
