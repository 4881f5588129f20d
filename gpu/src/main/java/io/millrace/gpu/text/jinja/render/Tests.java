package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Bool;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Function;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Loop;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** All tests by name: value is name(arguments). */
final class Tests {
    static final Map<String, Test> ALL = all();

    private Tests() {}

    /** A test of a value. */
    @FunctionalInterface
    interface Test {
        boolean holds(Value value, Arguments arguments, Evaluator evaluator);
    }

    private static Map<String, Test> all() {
        Map<String, Test> all = new LinkedHashMap<>();
        add(all, "defined", v -> !(v instanceof Undefined));
        add(all, "undefined", v -> v instanceof Undefined);
        add(all, "none", v -> v instanceof None);
        add(all, "string", v -> v instanceof Str);
        add(all, "mapping", v -> v instanceof Dict);
        add(all, "iterable", Types::isIterable);
        add(all, "sequence", Tests::isSequence);
        add(all, "number", Types::isNumber);
        add(all, "integer", v -> v instanceof Int);
        add(all, "float", v -> v instanceof Real);
        add(all, "boolean", v -> v instanceof Bool);
        add(all, "true", v -> v instanceof Bool b && b.is());
        add(all, "false", v -> v instanceof Bool b && !b.is());
        add(all, "escaped", v -> v instanceof Str s && s.safe());
        add(
                all,
                "callable",
                v -> v instanceof Function || v instanceof Loop || v instanceof Undefined);
        compare(all, "==", "eq", "equalto");
        compare(all, "!=", "ne");
        compare(all, "<", "lt", "lessthan");
        compare(all, "<=", "le");
        compare(all, ">", "gt", "greaterthan");
        compare(all, ">=", "ge");
        compare(all, "in");
        all.put("sameas", (v, a, e) -> isSame(v, a.bind("sameas", "other").get(0)));
        all.put("divisibleby", (v, a, e) -> rest(v, a.bind("divisibleby", "num").get(0)) == 0);
        all.put("even", (v, a, e) -> rest(v, Value.of(2)) == 0);
        all.put("odd", (v, a, e) -> rest(v, Value.of(2)) != 0);
        all.put("lower", (v, a, e) -> isCase("islower", v, e));
        all.put("upper", (v, a, e) -> isCase("isupper", v, e));
        all.put("filter", (v, a, e) -> v instanceof Str s && Filters.ALL.containsKey(s.text()));
        all.put("test", (v, a, e) -> v instanceof Str s && Tests.ALL.containsKey(s.text()));
        return Map.copyOf(all);
    }

    private static void add(Map<String, Test> all, String name, Predicate<Value> holds) {
        all.put(
                name,
                (value, arguments, evaluator) -> {
                    arguments.bind(name);
                    return holds.test(value);
                });
    }

    private static void compare(Map<String, Test> all, String operator, String... names) {
        Test test =
                (v, a, e) -> e.operators().compare(operator, v, a.bind(operator, "other").get(0));
        all.put(operator, test);
        List.of(names).forEach(name -> all.put(name, test));
    }

    private static boolean isSequence(Value value) {
        return value instanceof Str
                || value instanceof Dict
                || value instanceof Undefined
                || (value instanceof Seq s && s.isIndexed());
    }

    private static boolean isSame(Value a, Value b) {
        boolean byValue = a instanceof Bool || a instanceof Int || a instanceof Str;
        return a == b || (byValue && a.equals(b));
    }

    private static int rest(Value value, Value by) {
        BigInteger divisor = Types.integer(by, "a divisor");
        if (divisor.signum() == 0) {
            throw TemplateException.of("division by zero");
        }
        return Types.integer(value, "what is divided").mod(divisor.abs()).signum();
    }

    private static boolean isCase(String method, Value value, Evaluator evaluator) {
        Str text = TextFilters.string(value, evaluator);
        return Types.isTrue(new StringMethods(text, evaluator).call(method, Arguments.NONE));
    }
}
