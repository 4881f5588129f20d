package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Filters that apply another filter or a test to each element. */
final class SelectionFilters {
    private SelectionFilters() {}

    static void addTo(Map<String, Filter> all) {
        all.put("map", SelectionFilters::map);
        all.put("select", (in, a, e) -> select(in, a, e, false, true));
        all.put("reject", (in, a, e) -> select(in, a, e, false, false));
        all.put("selectattr", (in, a, e) -> select(in, a, e, true, true));
        all.put("rejectattr", (in, a, e) -> select(in, a, e, true, false));
        all.put("attr", SelectionFilters::attribute);
    }

    private static Value map(Value input, Arguments arguments, Evaluator evaluator) {
        List<Value> items = items(input, evaluator);
        evaluator.sandbox().elements(items.size());
        List<Value> result = new ArrayList<>(items.size());
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            Map<String, Value> named = new LinkedHashMap<>(arguments.named());
            AttributePath path =
                    AttributePath.of(named.remove("attribute"), evaluator)
                            .or(named.getOrDefault("default", None.NONE));
            named.remove("default");
            new Arguments(List.of(), named).bind("map");
            items.forEach(item -> result.add(path.in(item)));
        } else {
            String filter = name(arguments, 0, "map wants the name of a filter");
            items.forEach(item -> result.add(evaluator.filter(filter, item, arguments.from(1))));
        }
        return Seq.iterator(result);
    }

    /** The elements of a value; none of a value that is not true, such as None. */
    private static List<Value> items(Value input, Evaluator evaluator) {
        return Types.isTrue(input) ? Types.items(input, evaluator.sandbox()) : List.of();
    }

    private static String name(Arguments arguments, int position, String otherwise) {
        if (position < arguments.positional().size()
                && arguments.positional().get(position) instanceof Str s) {
            return s.text();
        }
        throw TemplateException.of(otherwise);
    }

    private static Value select(
            Value input,
            Arguments arguments,
            Evaluator evaluator,
            boolean byAttribute,
            boolean wanted) {
        int next = 0;
        AttributePath path = AttributePath.of(None.NONE, evaluator);
        if (byAttribute) {
            if (arguments.positional().isEmpty()) {
                throw TemplateException.of("selectattr and rejectattr want an attribute");
            }
            path = AttributePath.of(arguments.positional().get(next++), evaluator);
        }
        boolean hasTest = next < arguments.positional().size();
        String test = hasTest ? name(arguments, next, "select wants the name of a test") : "";
        Arguments rest = arguments.from(next + 1);
        List<Value> result = new ArrayList<>();
        for (Value item : items(input, evaluator)) {
            Value value = path.in(item);
            boolean holds = hasTest ? evaluator.test(test, value, rest) : Types.isTrue(value);
            if (holds == wanted) {
                result.add(item);
            }
        }
        evaluator.sandbox().elements(result.size());
        return Seq.iterator(result);
    }

    private static Value attribute(Value input, Arguments arguments, Evaluator evaluator) {
        String name = arguments.bind("attr", "name").text(0);
        return input instanceof Value.Dict
                ? new Value.Undefined("'dict object' has no attribute '" + name + "'")
                : evaluator.members().attribute(input, name);
    }
}
