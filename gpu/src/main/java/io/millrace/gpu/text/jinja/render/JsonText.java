package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Operators;
import io.millrace.gpu.text.jinja.value.Output;
import io.millrace.gpu.text.jinja.value.PythonNumbers;
import io.millrace.gpu.text.jinja.value.Sandbox;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Bool;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Writes JSON with the characters of Python's json.dumps. */
final class JsonText {
    private final Evaluator evaluator;
    private final Sandbox sandbox;
    private final boolean ascii;
    private final boolean sorted;

    /** Indentation of one level; null writes everything on one line. */
    private final String indent;

    private final String comma;
    private final String colon;

    private JsonText(
            Evaluator evaluator,
            boolean ascii,
            boolean sorted,
            String indent,
            String comma,
            String colon) {
        this.evaluator = evaluator;
        this.sandbox = evaluator.sandbox();
        this.ascii = ascii;
        this.sorted = sorted;
        this.indent = indent;
        this.comma = comma;
        this.colon = colon;
    }

    /** The filter tojson, with the arguments that transformers gives it. */
    static Value filter(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound =
                arguments.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        Sandbox sandbox = evaluator.sandbox();
        String indent = null;
        if (bound.or(1, None.NONE) instanceof Str s) {
            indent = s.text();
        } else if (bound.or(1, None.NONE) != None.NONE) {
            int width = Math.max(0, bound.integer(1, 0));
            sandbox.text(width);
            indent = " ".repeat(width);
        }
        String comma = indent == null ? ", " : ",";
        String colon = ": ";
        Value separators = bound.or(2, None.NONE);
        if (separators != None.NONE) {
            List<Value> pair = Types.items(separators, sandbox);
            if (pair.size() != 2) {
                throw TemplateException.of("tojson wants two separators");
            }
            comma = evaluator.text(pair.get(0));
            colon = evaluator.text(pair.get(1));
        }
        boolean ascii = bound.isTrue(0, false);
        boolean sorted = bound.isTrue(3, false);
        Output out = new Output(sandbox);
        new JsonText(evaluator, ascii, sorted, indent, comma, colon).write(input, "\n", out);
        return Value.of(out.toString());
    }

    private void write(Value value, String newline, Output out) {
        if (value instanceof Str s) {
            string(s.text(), out);
        } else if (value instanceof Int || value instanceof Real) {
            out.append(number(value));
        } else if (value instanceof Bool b) {
            out.append(b.is() ? "true" : "false");
        } else if (value instanceof None) {
            out.append("null");
        } else if (value instanceof Seq s && (s.kind == Kind.LIST || s.kind == Kind.TUPLE)) {
            sandbox.enter();
            list(s.items(), newline, out);
            sandbox.leave();
        } else if (value instanceof Dict d) {
            sandbox.enter();
            dict(d, newline, out);
            sandbox.leave();
        } else {
            throw TemplateException.of(
                    "tojson cannot write a value of type " + Types.name(evaluator.used(value)));
        }
    }

    private static String number(Value value) {
        if (value instanceof Int i) {
            return i.number().toString();
        }
        double number = ((Real) value).number();
        if (Double.isNaN(number)) {
            return "NaN";
        } else if (Double.isInfinite(number)) {
            return number > 0 ? "Infinity" : "-Infinity";
        }
        return PythonNumbers.text(number);
    }

    private void list(List<Value> items, String newline, Output out) {
        if (items.isEmpty()) {
            out.append("[]");
            return;
        }
        String inner = indent == null ? "" : newline + indent;
        String separator = "[" + inner;
        for (Value item : items) {
            out.append(separator);
            write(item, inner, out);
            separator = comma + inner;
        }
        out.append(indent == null ? "]" : newline + "]");
    }

    private void dict(Dict dict, String newline, Output out) {
        if (dict.size() == 0) {
            out.append("{}");
            return;
        }
        List<Map.Entry<Value, Value>> entries = new ArrayList<>();
        dict.entries().forEach(entries::add);
        if (sorted) {
            Operators operators = evaluator.operators();
            entries.sort((a, b) -> operators.order("<", a.getKey(), b.getKey()));
        }
        String inner = indent == null ? "" : newline + indent;
        String separator = "{" + inner;
        for (Map.Entry<Value, Value> entry : entries) {
            out.append(separator);
            string(key(entry.getKey()), out);
            out.append(colon);
            write(entry.getValue(), inner, out);
            separator = comma + inner;
        }
        out.append(indent == null ? "}" : newline + "}");
    }

    private static String key(Value key) {
        if (key instanceof Str s) {
            return s.text();
        } else if (key instanceof Bool b) {
            return b.is() ? "true" : "false";
        } else if (key instanceof None) {
            return "null";
        } else if (key instanceof Int || key instanceof Real) {
            return number(key);
        }
        throw TemplateException.of("tojson wants keys that are text or numbers");
    }

    private void string(String text, Output out) {
        StringBuilder json = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> json.append("\\\"");
                case '\\' -> json.append("\\\\");
                case '\n' -> json.append("\\n");
                case '\r' -> json.append("\\r");
                case '\t' -> json.append("\\t");
                case '\f' -> json.append("\\f");
                case '\b' -> json.append("\\b");
                default -> {
                    if (c < 0x20 || (ascii && c > 0x7E)) {
                        json.append(String.format("\\u%04x", (int) c));
                    } else {
                        json.append(c);
                    }
                }
            }
        }
        out.append(json.append('"').toString());
    }
}
