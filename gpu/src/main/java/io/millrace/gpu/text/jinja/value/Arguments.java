package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Int;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;

/**
 * The arguments of one call.
 *
 * @param positional in order
 * @param named in order
 */
public record Arguments(List<Value> positional, Map<String, Value> named) {
    public static final Arguments NONE = new Arguments(List.of(), Map.of());

    public static Arguments of(Value... positional) {
        return new Arguments(List.of(positional), Map.of());
    }

    /** Binds the arguments to a function's parameters; surplus or unknown ones are an error. */
    public Bound bind(String function, String... parameters) {
        if (positional.size() > parameters.length) {
            throw TemplateException.of(
                    function
                            + " takes at most "
                            + parameters.length
                            + " arguments, not "
                            + positional.size());
        }
        Value[] values = new Value[parameters.length];
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        for (Map.Entry<String, Value> entry : named.entrySet()) {
            int at = List.of(parameters).indexOf(entry.getKey());
            if (at < 0) {
                throw TemplateException.of(
                        function + " takes no argument named '" + entry.getKey() + "'");
            }
            if (values[at] != null) {
                throw TemplateException.of(
                        function + " got two values for its argument '" + entry.getKey() + "'");
            }
            values[at] = entry.getValue();
        }
        return new Bound(function, parameters, values);
    }

    /** These arguments if none is named: most methods of Python's built-in types take no names. */
    public Arguments withoutNames(String function) {
        if (!named.isEmpty()) {
            throw TemplateException.of(function + " takes no named arguments");
        }
        return this;
    }

    /** The arguments from the given position on. */
    public Arguments from(int start) {
        return new Arguments(
                positional.subList(Math.min(start, positional.size()), positional.size()), named);
    }

    /** Arguments by parameter; absent ones are null. */
    public record Bound(String function, String[] parameters, Value[] values) {

        public boolean has(int parameter) {
            return values[parameter] != null;
        }

        public Value get(int parameter) {
            if (values[parameter] == null) {
                throw TemplateException.of(
                        function + " needs its argument '" + parameters[parameter] + "'");
            }
            return values[parameter];
        }

        public Value or(int parameter, Value otherwise) {
            return has(parameter) ? values[parameter] : otherwise;
        }

        public boolean isTrue(int parameter, boolean otherwise) {
            return has(parameter) ? Types.isTrue(values[parameter]) : otherwise;
        }

        /** A string argument. */
        public String text(int parameter) {
            if (get(parameter) instanceof Value.Str s) {
                return s.text();
            }
            throw wrongType(parameter, "a string");
        }

        /** An integer argument, clamped to the range of an int. */
        public int integer(int parameter, int otherwise) {
            if (!has(parameter)) {
                return otherwise;
            }
            if (values[parameter] instanceof Int i) {
                return i.number()
                        .max(BigInteger.valueOf(Integer.MIN_VALUE))
                        .min(BigInteger.valueOf(Integer.MAX_VALUE))
                        .intValue();
            }
            if (values[parameter] instanceof Value.Bool b) {
                return b.is() ? 1 : 0;
            }
            throw wrongType(parameter, "an integer");
        }

        private TemplateException wrongType(int parameter, String wanted) {
            return TemplateException.of(
                    function
                            + " wants "
                            + wanted
                            + " for '"
                            + parameters[parameter]
                            + "', not "
                            + Types.name(values[parameter]));
        }
    }
}
