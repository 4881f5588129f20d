package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Copies a caller's arguments (of the types of a JSON parser) to values; other types are an error.
 */
public final class JavaValues {
    private static final int DEEPEST = 200;

    private JavaValues() {}

    public static Value of(Object object) {
        return of(object, 0);
    }

    private static Value of(Object object, int depth) {
        if (depth > DEEPEST) {
            throw TemplateException.of("the messages are nested more than " + DEEPEST + " deep");
        }
        if (object == null) {
            return Value.None.NONE;
        } else if (object instanceof CharSequence s) {
            return Value.of(s.toString());
        } else if (object instanceof Boolean b) {
            return Value.of(b);
        } else if (object instanceof Map<?, ?> map) {
            Dict dict = new Dict();
            map.forEach((key, value) -> dict.put(String.valueOf(key), of(value, depth + 1)));
            return dict;
        } else if (object instanceof Iterable<?> items) {
            List<Value> list = new ArrayList<>();
            items.forEach(item -> list.add(of(item, depth + 1)));
            return Seq.list(list);
        } else if (object instanceof Number n) {
            return number(n);
        }
        throw new IllegalArgumentException(
                "a template takes text, numbers, booleans, lists and maps, not "
                        + object.getClass().getName());
    }

    private static Value number(Number n) {
        if (n instanceof BigInteger i) {
            return new Int(i);
        } else if (n instanceof Double || n instanceof Float || n instanceof BigDecimal) {
            return new Real(n.doubleValue());
        }
        return Value.of(n.longValue());
    }
}
