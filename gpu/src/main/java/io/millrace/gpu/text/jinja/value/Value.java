package io.millrace.gpu.text.jinja.value;

import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A value of a template: the types of Python that chat templates use. */
public sealed interface Value {
    Value TRUE = new Bool(true);
    Value FALSE = new Bool(false);
    Value EMPTY_TEXT = new Str("", false);

    static Value of(boolean is) {
        return is ? TRUE : FALSE;
    }

    static Value of(long number) {
        return new Int(BigInteger.valueOf(number));
    }

    static Value of(String text) {
        return new Str(text, false);
    }

    /** Python's None. */
    enum None implements Value {
        NONE
    }

    /** An undefined name or element; its message is the error of a use. */
    record Undefined(String message) implements Value {}

    record Bool(boolean is) implements Value {}

    record Int(BigInteger number) implements Value {}

    record Real(double number) implements Value {}

    /**
     * A string.
     *
     * @param safe whether it is the result of the filter safe or escape: text added to it is
     *     escaped
     */
    record Str(String text, boolean safe) implements Value {}

    /** The kind of a sequence, with Python's name. */
    enum Kind {
        LIST("list"),
        TUPLE("tuple"),
        RANGE("range"),
        KEYS("dict_keys"),
        VALUES("dict_values"),
        ITEMS("dict_items"),
        /** Can be iterated once. */
        ITERATOR("generator");

        final String python;

        Kind(String python) {
            this.python = python;
        }
    }

    /** A sequence. Immutable, except that an iterator is consumed. */
    final class Seq implements Value {
        public final Kind kind;
        private List<Value> items;

        public Seq(Kind kind, List<Value> items) {
            this.kind = kind;
            this.items = items;
        }

        public static Seq list(List<Value> items) {
            return new Seq(Kind.LIST, items);
        }

        public static Seq tuple(Value... items) {
            return new Seq(Kind.TUPLE, List.of(items));
        }

        public static Seq iterator(List<Value> items) {
            return new Seq(Kind.ITERATOR, items);
        }

        /** The elements; an iterator returns them once. */
        public List<Value> items() {
            List<Value> all = items;
            if (kind == Kind.ITERATOR) {
                items = List.of();
            }
            return all;
        }

        /** The first element; consumed by an iterator. */
        public List<Value> first() {
            List<Value> one = items.subList(0, Math.min(1, items.size()));
            if (kind == Kind.ITERATOR && !one.isEmpty()) {
                items = items.subList(1, items.size());
            }
            return one;
        }

        public boolean isIndexed() {
            return kind == Kind.LIST || kind == Kind.TUPLE || kind == Kind.RANGE;
        }
    }

    /**
     * A dictionary in order of insertion. Keys that are equal in Python (1, 1.0, True) are one key.
     */
    final class Dict implements Value {
        private final Map<Object, Map.Entry<Value, Value>> entries = new LinkedHashMap<>();

        /** Adds an entry while the dictionary is built; templates cannot change it. */
        public void put(Value key, Value value, Sandbox sandbox) {
            entries.merge(
                    Keys.of(key, sandbox),
                    Map.entry(key, value),
                    (old, replaced) -> Map.entry(old.getKey(), value));
        }

        public void put(String key, Value value) {
            entries.put(key, Map.entry(Value.of(key), value));
        }

        public boolean has(Value key, Sandbox sandbox) {
            return entries.containsKey(Keys.of(key, sandbox));
        }

        public Value getOr(Value key, Value otherwise, Sandbox sandbox) {
            Map.Entry<Value, Value> entry = entries.get(Keys.of(key, sandbox));
            return entry == null ? otherwise : entry.getValue();
        }

        public Iterable<Map.Entry<Value, Value>> entries() {
            return entries.values();
        }

        public int size() {
            return entries.size();
        }

        public List<Value> keys() {
            return entries.values().stream().map(Map.Entry::getKey).toList();
        }

        public List<Value> values() {
            return entries.values().stream().map(Map.Entry::getValue).toList();
        }

        public List<Value> items() {
            return entries.values().stream()
                    .<Value>map(e -> Seq.tuple(e.getKey(), e.getValue()))
                    .toList();
        }
    }

    /** The only value whose attributes a template can set. */
    final class Namespace implements Value {
        public final Map<String, Value> attributes = new LinkedHashMap<>();
    }

    /** The body of a function. */
    @FunctionalInterface
    interface Body {
        Value call(Arguments arguments);
    }

    /** A callable: a macro, a bound method or a global function. */
    record Function(String kind, String name, Body body) implements Value {}

    /** The loop variable of a for statement. */
    final class Loop implements Value {
        public final List<Value> items;
        public final int depth;
        public final Body recursion;
        public int index;
        public Value lastChecked;

        public Loop(List<Value> items, int depth, Body recursion) {
            this.items = items;
            this.depth = depth;
            this.recursion = recursion;
        }
    }
}
