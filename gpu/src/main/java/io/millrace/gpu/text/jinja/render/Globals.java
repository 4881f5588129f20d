package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Range;
import io.millrace.gpu.text.jinja.value.Sandbox;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Function;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Namespace;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.math.BigInteger;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The global functions of templates. */
final class Globals {
    private Globals() {}

    static Map<String, Value> of(Evaluator evaluator, Instant clock) {
        Map<String, Value> globals = new LinkedHashMap<>();
        add(globals, "range", a -> range(a, evaluator.sandbox()));
        add(globals, "dict", a -> dict(a, evaluator.sandbox()));
        add(
                globals,
                "namespace",
                a -> {
                    Namespace namespace = new Namespace();
                    for (Map.Entry<Value, Value> entry : dict(a, evaluator.sandbox()).entries()) {
                        namespace.attributes.put(evaluator.text(entry.getKey()), entry.getValue());
                    }
                    return namespace;
                });
        add(
                globals,
                "raise_exception",
                a -> {
                    String message = evaluator.text(a.bind("raise_exception", "message").get(0));
                    throw TemplateException.raisedBy(evaluator.sandbox().line(), message);
                });
        add(
                globals,
                "strftime_now",
                a -> Value.of(ClockText.format(a.bind("strftime_now", "format").text(0), clock)));
        return globals;
    }

    private static void add(Map<String, Value> globals, String name, Value.Body body) {
        globals.put(name, new Function("function", name, body));
    }

    private static Value range(Arguments arguments, Sandbox sandbox) {
        List<Value> bounds =
                arguments.bind("range", "start", "stop", "step").has(0)
                        ? arguments.positional()
                        : List.of();
        if (bounds.isEmpty()) {
            throw TemplateException.of("range wants one to three integers");
        }
        long first = bound(bounds.get(0));
        long second = bounds.size() > 1 ? bound(bounds.get(1)) : first;
        long step = bounds.size() > 2 ? bound(bounds.get(2)) : 1;
        if (step == 0) {
            throw TemplateException.of("the step of a range cannot be zero");
        }
        return new Seq(Kind.RANGE, new Range(bounds.size() > 1 ? first : 0, second, step, sandbox));
    }

    private static long bound(Value value) {
        BigInteger limit = BigInteger.ONE.shiftLeft(40);
        return Types.integer(value, "a bound of range").max(limit.negate()).min(limit).longValue();
    }

    private static Dict dict(Arguments arguments, Sandbox sandbox) {
        Dict dict = new Dict();
        if (arguments.positional().size() > 1) {
            throw TemplateException.of("dict and namespace take at most one value without a name");
        }
        for (Value start : arguments.positional()) {
            if (start instanceof Dict d) {
                d.entries().forEach(e -> dict.put(e.getKey(), e.getValue(), sandbox));
            } else {
                for (Value pair : Types.items(start, sandbox)) {
                    List<Value> parts = Types.items(pair, sandbox);
                    if (parts.size() != 2) {
                        throw TemplateException.of("dict wants pairs");
                    }
                    dict.put(parts.get(0), parts.get(1), sandbox);
                }
            }
        }
        arguments.named().forEach((name, value) -> dict.put(new Str(name, false), value, sandbox));
        sandbox.elements(dict.size());
        return dict;
    }
}
