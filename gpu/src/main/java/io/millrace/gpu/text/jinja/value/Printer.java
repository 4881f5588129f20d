package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Bool;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Namespace;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.util.List;
import java.util.Map;

/** Formats values as Python's str and repr do. */
public final class Printer {
    private final Sandbox sandbox;
    private final boolean strict;

    /**
     * @param strict whether an undefined value has no text, wherever it stands: the error names
     *     what is missing
     */
    public Printer(Sandbox sandbox, boolean strict) {
        this.sandbox = sandbox;
        this.strict = strict;
    }

    /** str(value). */
    public String text(Value value) {
        if (value instanceof Str s) {
            return s.text();
        } else if (value instanceof Undefined) {
            return undefined(value, "");
        }
        return representation(value);
    }

    /** repr(value). */
    public String representation(Value value) {
        Output out = new Output(sandbox);
        write(value, out);
        return out.toString();
    }

    private String undefined(Value value, String otherwise) {
        if (strict) {
            Types.defined(value);
        }
        return otherwise;
    }

    private void write(Value value, Output out) {
        if (value instanceof Str s) {
            out.append(s.safe() ? "Markup(" : "");
            out.append(PythonText.quoted(s.text())).append(s.safe() ? ")" : "");
        } else if (value instanceof Int i) {
            out.append(i.number().toString());
        } else if (value instanceof Bool b) {
            out.append(b.is() ? "True" : "False");
        } else if (value instanceof Real r) {
            out.append(PythonNumbers.text(r.number()));
        } else if (value instanceof None) {
            out.append("None");
        } else if (value instanceof Undefined) {
            out.append(undefined(value, "Undefined"));
        } else if (value instanceof Seq s) {
            sandbox.enter();
            sequence(s, out);
            sandbox.leave();
        } else if (value instanceof Dict d) {
            sandbox.enter();
            dict(d.entries(), out);
            sandbox.leave();
        } else if (value instanceof Namespace n) {
            sandbox.enter();
            Dict attributes = new Dict();
            n.attributes.forEach(attributes::put);
            out.append("<Namespace ");
            dict(attributes.entries(), out);
            out.append(">");
            sandbox.leave();
        } else {
            throw TemplateException.of("a " + Types.name(value) + " has no text");
        }
    }

    private void sequence(Seq seq, Output out) {
        List<Value> items = seq.kind == Kind.ITERATOR ? List.of() : seq.items();
        switch (seq.kind) {
            case LIST -> list("[", items, "]", out);
            case TUPLE -> list("(", items, items.size() == 1 ? ",)" : ")", out);
            case KEYS, VALUES, ITEMS -> list(seq.kind.python + "([", items, "])", out);
            case RANGE -> out.append(((Range) seq.items()).toString());
            case ITERATOR ->
                    throw TemplateException.of("a generator has no text; make it a list first");
        }
    }

    private void list(String open, List<Value> items, String close, Output out) {
        out.append(open);
        String separator = "";
        for (Value item : items) {
            out.append(separator);
            write(item, out);
            separator = ", ";
        }
        out.append(close);
    }

    private void dict(Iterable<Map.Entry<Value, Value>> entries, Output out) {
        out.append("{");
        String separator = "";
        for (Map.Entry<Value, Value> entry : entries) {
            out.append(separator);
            write(entry.getKey(), out);
            out.append(": ");
            write(entry.getValue(), out);
            separator = ", ";
        }
        out.append("}");
    }
}
