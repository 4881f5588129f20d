package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Bool;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Function;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Loop;
import io.millrace.gpu.text.jinja.value.Value.Namespace;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Python's view of a value: its type's name, truth and elements. */
public final class Types {
    private Types() {}

    public static String name(Value value) {
        if (value instanceof Str s) {
            return s.safe() ? "Markup" : "str";
        } else if (value instanceof Int) {
            return "int";
        } else if (value instanceof Bool) {
            return "bool";
        } else if (value instanceof Real) {
            return "float";
        } else if (value instanceof None) {
            return "NoneType";
        } else if (value instanceof Undefined) {
            return "Undefined";
        } else if (value instanceof Seq s) {
            return s.kind.python;
        } else if (value instanceof Dict) {
            return "dict";
        } else if (value instanceof Namespace) {
            return "Namespace";
        } else if (value instanceof Function f) {
            return f.kind();
        }
        return "LoopContext";
    }

    /** The type's name in messages about missing attributes. */
    public static String object(Value value) {
        return value instanceof None ? "None" : name(value) + " object";
    }

    public static boolean isTrue(Value value) {
        if (value instanceof Bool b) {
            return b.is();
        } else if (value instanceof Str s) {
            return !s.text().isEmpty();
        } else if (value instanceof None || value instanceof Undefined) {
            return false;
        } else if (value instanceof Int i) {
            return i.number().signum() != 0;
        } else if (value instanceof Real r) {
            return r.number() != 0;
        } else if (value instanceof Seq s && s.kind != Kind.ITERATOR) {
            return !s.items().isEmpty();
        } else if (value instanceof Dict d) {
            return d.size() > 0;
        } else if (value instanceof Loop l) {
            return !l.items.isEmpty();
        }
        return true;
    }

    public static boolean isIterable(Value value) {
        return value instanceof Str
                || value instanceof Seq
                || value instanceof Dict
                || value instanceof Undefined
                || value instanceof Loop;
    }

    /** The elements of an iterable value. */
    public static List<Value> items(Value value, Sandbox sandbox) {
        if (value instanceof Seq s) {
            List<Value> items = s.items();
            sandbox.steps(items.size());
            return items;
        } else if (value instanceof Dict d) {
            sandbox.elements(d.size());
            return d.keys();
        } else if (value instanceof Undefined) {
            return List.of();
        } else if (value instanceof Str s) {
            int length = PythonText.length(s.text());
            sandbox.elements(length);
            List<Value> characters = new ArrayList<>(length);
            s.text()
                    .codePoints()
                    .forEach(c -> characters.add(new Str(Character.toString(c), s.safe())));
            return characters;
        }
        throw TemplateException.of("'" + name(value) + "' object is not iterable");
    }

    public static int length(Value value) {
        if (value instanceof Str s) {
            return PythonText.length(s.text());
        } else if (value instanceof Seq s && s.kind != Kind.ITERATOR) {
            return s.items().size();
        } else if (value instanceof Dict d) {
            return d.size();
        } else if (value instanceof Undefined) {
            return 0;
        } else if (value instanceof Loop l) {
            return l.items.size();
        }
        throw TemplateException.of("object of type '" + name(value) + "' has no len()");
    }

    /** Fails if the value is undefined, with the message that names what is missing. */
    public static Value defined(Value value) {
        if (value instanceof Undefined u) {
            throw TemplateException.of(u.message());
        }
        return value;
    }

    /** An index or count: integers and booleans. */
    public static BigInteger integer(Value value, String what) {
        defined(value);
        if (value instanceof Int i) {
            return i.number();
        } else if (value instanceof Bool b) {
            return b.is() ? BigInteger.ONE : BigInteger.ZERO;
        }
        throw TemplateException.of(what + " must be an integer, not " + name(value));
    }

    public static boolean isWhole(Value value) {
        return value instanceof Int || value instanceof Bool;
    }

    public static boolean isNumber(Value value) {
        return isWhole(value) || value instanceof Real;
    }
}
