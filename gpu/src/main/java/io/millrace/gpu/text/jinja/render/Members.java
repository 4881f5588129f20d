package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Printer;
import io.millrace.gpu.text.jinja.value.PythonText;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Function;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Loop;
import io.millrace.gpu.text.jinja.value.Value.Namespace;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Looks up elements, attributes and methods of values. Nothing of Java is reachable. */
final class Members {
    private static final Set<String> CHANGES_DICT =
            Set.of("clear", "pop", "popitem", "setdefault", "update");
    private static final Set<String> CHANGES_LIST =
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

    private final Evaluator evaluator;
    private final boolean strict;

    /**
     * @param strict whether a dictionary's methods are found by {@link #called} only, so that what
     *     a name means does not depend on the methods that there are
     */
    Members(Evaluator evaluator, boolean strict) {
        this.evaluator = evaluator;
        this.strict = strict;
    }

    /** value.name: a method first, then a dictionary's entry; if strict, its entry only. */
    Value attribute(Value of, String name) {
        return strict && of instanceof Dict ? element(of, Value.of(name)) : called(of, name);
    }

    /** value.name of value.name(): a method first, then a dictionary's entry. */
    Value called(Value of, String name) {
        Types.defined(of);
        Optional<Value> own = own(of, name);
        if (own.isPresent()) {
            return own.get();
        }
        if (of instanceof Dict d) {
            Value found = d.getOr(Value.of(name), Value.FALSE, evaluator.sandbox());
            if (found != Value.FALSE || d.has(Value.of(name), evaluator.sandbox())) {
                return found;
            }
        }
        return missing(of, name);
    }

    /** value[index]: an entry first, then, for a string, a method; if strict, no dictionary's. */
    Value element(Value of, Value index) {
        Types.defined(of);
        if (of instanceof Dict d && isHashable(index)) {
            if (d.has(index, evaluator.sandbox())) {
                return d.getOr(index, Value.None.NONE, evaluator.sandbox());
            }
        } else if (Types.isWhole(index)
                && (of instanceof Str || (of instanceof Seq s && s.isIndexed()))) {
            return at(of, Types.integer(index, "an index"));
        }
        if (index instanceof Str name) {
            boolean entryOnly = strict && of instanceof Dict;
            Optional<Value> own = entryOnly ? Optional.empty() : own(of, name.text());
            return own.orElseGet(() -> missing(of, name.text()));
        }
        return noElement(of, index);
    }

    private static boolean isHashable(Value value) {
        return !(value instanceof Dict || (value instanceof Seq s && s.kind != Kind.TUPLE));
    }

    private Value at(Value of, BigInteger index) {
        int length = Types.length(of);
        BigInteger at = index.signum() < 0 ? index.add(BigInteger.valueOf(length)) : index;
        if (at.signum() < 0 || at.compareTo(BigInteger.valueOf(length)) >= 0) {
            return noElement(of, new Value.Int(index));
        }
        if (of instanceof Str s) {
            evaluator.sandbox().scan(s.text().length());
            int start = PythonText.offset(s.text(), at.intValue());
            return new Str(Character.toString(s.text().codePointAt(start)), s.safe());
        }
        return ((Seq) of).items().get(at.intValue());
    }

    private Value noElement(Value of, Value index) {
        if (strict && index instanceof Undefined) {
            return index;
        }
        String element = new Printer(evaluator.sandbox(), false).representation(index);
        return new Undefined(Types.object(of) + " has no element " + element);
    }

    private static Value missing(Value of, String name) {
        if (name.startsWith("__")) {
            throw unsafe(of, name);
        }
        return new Undefined("'" + Types.object(of) + "' has no attribute '" + name + "'");
    }

    private static TemplateException unsafe(Value of, String name) {
        return TemplateException.of(
                "access to attribute '" + name + "' of '" + Types.name(of) + "' object is unsafe");
    }

    private Optional<Value> own(Value of, String name) {
        if (of instanceof Str s) {
            return StringMethods.NAMES.contains(name)
                    ? Optional.of(method(name, a -> new StringMethods(s, evaluator).call(name, a)))
                    : Optional.empty();
        } else if (of instanceof Dict d) {
            if (CHANGES_DICT.contains(name)) {
                throw unsafe(of, name);
            }
            return Optional.ofNullable(ofDict(d, name));
        } else if (of instanceof Namespace n) {
            return Optional.ofNullable(n.attributes.get(name));
        } else if (of instanceof Seq s && s.isIndexed()) {
            if (s.kind == Kind.LIST && CHANGES_LIST.contains(name)) {
                throw unsafe(of, name);
            }
            return Optional.ofNullable(ofSequence(s, name));
        } else if (of instanceof Loop l) {
            return Optional.ofNullable(ofLoop(l, name));
        }
        return Optional.empty();
    }

    private static Value method(String name, Value.Body body) {
        return new Function("method", name, body);
    }

    private Value ofDict(Dict d, String name) {
        return switch (name) {
            case "get" ->
                    method(
                            name,
                            a -> {
                                Arguments.Bound bound =
                                        a.withoutNames(name).bind(name, "key", "default");
                                return d.getOr(
                                        bound.get(0),
                                        bound.or(1, Value.None.NONE),
                                        evaluator.sandbox());
                            });
            case "items" -> view(name, Kind.ITEMS, d);
            case "keys" -> view(name, Kind.KEYS, d);
            case "values" -> view(name, Kind.VALUES, d);
            case "copy" -> method(name, a -> d);
            default -> null;
        };
    }

    private Value view(String name, Kind kind, Dict d) {
        return method(
                name,
                a -> {
                    a.bind(name);
                    evaluator.sandbox().elements(d.size());
                    return new Seq(
                            kind,
                            switch (kind) {
                                case ITEMS -> d.items();
                                case KEYS -> d.keys();
                                default -> d.values();
                            });
                });
    }

    private Value ofSequence(Seq s, String name) {
        return switch (name) {
            case "count" ->
                    method(
                            name,
                            a -> {
                                Value wanted = a.bind(name, "value").get(0);
                                return Value.of(
                                        s.items().stream()
                                                .filter(i -> evaluator.operators().equal(i, wanted))
                                                .count());
                            });
            case "index" -> method(name, a -> index(s, a.bind(name, "value").get(0)));
            case "copy" -> s.kind == Kind.LIST ? method(name, a -> s) : null;
            default -> null;
        };
    }

    private Value index(Seq s, Value wanted) {
        for (int i = 0; i < s.items().size(); i++) {
            if (evaluator.operators().equal(s.items().get(i), wanted)) {
                return Value.of(i);
            }
        }
        throw TemplateException.of("the value is not in the " + Types.name(s));
    }

    private Value ofLoop(Loop l, String name) {
        List<Value> items = l.items;
        int left = items.size() - l.index;
        return switch (name) {
            case "index" -> Value.of(l.index + 1);
            case "index0" -> Value.of(l.index);
            case "revindex" -> Value.of(left);
            case "revindex0" -> Value.of(left - 1);
            case "first" -> Value.of(l.index == 0);
            case "last" -> Value.of(left == 1);
            case "length" -> Value.of(items.size());
            case "depth" -> Value.of(l.depth + 1);
            case "depth0" -> Value.of(l.depth);
            case "previtem" ->
                    l.index > 0
                            ? items.get(l.index - 1)
                            : new Undefined("there is no previous item");
            case "nextitem" ->
                    left > 1 ? items.get(l.index + 1) : new Undefined("there is no next item");
            case "cycle" -> method(name, a -> cycled(l, a.positional()));
            case "changed" -> method(name, a -> changed(l, a.positional()));
            default -> null;
        };
    }

    private static Value cycled(Loop l, List<Value> values) {
        if (values.isEmpty()) {
            throw TemplateException.of("loop.cycle wants at least one value");
        }
        return values.get(l.index % values.size());
    }

    private Value changed(Loop l, List<Value> values) {
        Value now = new Seq(Kind.TUPLE, values);
        boolean same = l.lastChecked != null && evaluator.operators().equal(l.lastChecked, now);
        l.lastChecked = now;
        return Value.of(!same);
    }
}
