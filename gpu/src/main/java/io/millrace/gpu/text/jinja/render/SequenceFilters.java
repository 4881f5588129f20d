package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Keys;
import io.millrace.gpu.text.jinja.value.Output;
import io.millrace.gpu.text.jinja.value.PythonText;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Filters over the elements of lists, dictionaries and strings. */
final class SequenceFilters {
    private SequenceFilters() {}

    static void addTo(Map<String, Filter> all) {
        all.put("length", (in, a, e) -> Value.of(Types.length(in)));
        all.put("count", (in, a, e) -> Value.of(Types.length(in)));
        all.put("list", (in, a, e) -> Seq.list(copied(in, e)));
        all.put("first", SequenceFilters::first);
        all.put("last", SequenceFilters::last);
        all.put("join", SequenceFilters::join);
        all.put("reverse", SequenceFilters::reverse);
        all.put("sort", SequenceFilters::sort);
        all.put("unique", SequenceFilters::unique);
        all.put("min", (in, a, e) -> extreme("min", in, a, e));
        all.put("max", (in, a, e) -> extreme("max", in, a, e));
        all.put("sum", SequenceFilters::sum);
        all.put("items", SequenceFilters::items);
        all.put("dictsort", SequenceFilters::sortedItems);
        all.put("batch", SequenceFilters::batch);
        all.put("slice", SequenceFilters::slice);
        all.put("groupby", SequenceFilters::groupBy);
    }

    private static List<Value> copied(Value input, Evaluator evaluator) {
        List<Value> items = Types.items(input, evaluator.sandbox());
        evaluator.sandbox().elements(items.size());
        return new ArrayList<>(items);
    }

    private static Value first(Value input, Arguments arguments, Evaluator evaluator) {
        arguments.bind("first");
        List<Value> items =
                input instanceof Seq s ? s.first() : Types.items(input, evaluator.sandbox());
        return items.isEmpty() ? new Undefined("there is no first item") : items.get(0);
    }

    private static Value last(Value input, Arguments arguments, Evaluator evaluator) {
        arguments.bind("last");
        if (input instanceof Seq s && s.kind == Kind.ITERATOR) {
            throw TemplateException.of("a generator has no last item; make it a list first");
        }
        List<Value> items = Types.items(input, evaluator.sandbox());
        return items.isEmpty()
                ? new Undefined("there is no last item")
                : items.get(items.size() - 1);
    }

    private static Value join(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("join", "d", "attribute");
        String by = evaluator.text(bound.or(0, Value.EMPTY_TEXT));
        AttributePath path = AttributePath.of(bound.or(1, None.NONE), evaluator);
        Output out = new Output(evaluator.sandbox());
        String separator = "";
        for (Value item : Types.items(input, evaluator.sandbox())) {
            out.append(separator).append(evaluator.text(path.in(item)));
            separator = by;
        }
        return Value.of(out.toString());
    }

    private static Value reverse(Value input, Arguments arguments, Evaluator evaluator) {
        arguments.bind("reverse");
        if (input instanceof Str s) {
            evaluator.sandbox().text(s.text().length());
            return new Str(new StringBuilder(s.text()).reverse().toString(), s.safe());
        }
        boolean once = input instanceof Seq s && s.kind == Kind.ITERATOR;
        List<Value> items = copied(input, evaluator);
        Collections.reverse(items);
        return once ? Seq.list(items) : Seq.iterator(items);
    }

    private static Value sort(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("sort", "reverse", "case_sensitive", "attribute");
        List<AttributePath> paths = AttributePath.several(bound.or(2, None.NONE), evaluator);
        boolean caseless = !bound.isTrue(1, false);
        List<Value> items = copied(input, evaluator);
        sort(
                items,
                item -> key(paths.stream().map(p -> p.in(item)).toList(), caseless),
                bound.isTrue(0, false),
                evaluator);
        return Seq.list(items);
    }

    /** The sort key: one value, or several as a tuple; strings in lower case if case is ignored. */
    private static Value key(List<Value> values, boolean caseless) {
        List<Value> lowered = values.stream().map(v -> caseless ? lowered(v) : v).toList();
        return lowered.size() == 1 ? lowered.get(0) : new Seq(Kind.TUPLE, lowered);
    }

    private static Value lowered(Value value) {
        return value instanceof Str s ? new Str(PythonText.lower(s.text()), s.safe()) : value;
    }

    private static void sort(
            List<Value> items,
            java.util.function.UnaryOperator<Value> key,
            boolean descending,
            Evaluator evaluator) {
        record Keyed(Value key, Value item) {}
        List<Keyed> keyed = new ArrayList<>(items.size());
        items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
        // With NaN the order may be inconsistent, which Java's sort may detect.
        try {
            keyed.sort(
                    (a, b) ->
                            (descending ? -1 : 1)
                                    * Integer.signum(
                                            evaluator.operators().order("<", a.key(), b.key())));
        } catch (IllegalArgumentException e) {
            throw TemplateException.of("sort meets values that have no order");
        }
        for (int i = 0; i < keyed.size(); i++) {
            items.set(i, keyed.get(i).item());
        }
    }

    private static Value unique(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("unique", "case_sensitive", "attribute");
        AttributePath path = AttributePath.of(bound.or(1, None.NONE), evaluator);
        boolean caseless = !bound.isTrue(0, false);
        Map<Object, Value> seen = new LinkedHashMap<>();
        for (Value item : Types.items(input, evaluator.sandbox())) {
            Value key = key(List.of(path.in(item)), caseless);
            seen.putIfAbsent(Keys.of(key, evaluator.sandbox()), item);
        }
        evaluator.sandbox().elements(seen.size());
        return Seq.iterator(new ArrayList<>(seen.values()));
    }

    private static Value extreme(
            String name, Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind(name, "case_sensitive", "attribute");
        AttributePath path = AttributePath.of(bound.or(1, None.NONE), evaluator);
        boolean caseless = !bound.isTrue(0, false);
        Value best = null;
        Value bestKey = null;
        for (Value item : Types.items(input, evaluator.sandbox())) {
            Value key = key(List.of(path.in(item)), caseless);
            String operator = name.equals("min") ? "<" : ">";
            if (best == null || evaluator.operators().compare(operator, key, bestKey)) {
                best = item;
                bestKey = key;
            }
        }
        return best != null ? best : new Undefined("there is no " + name + " of an empty sequence");
    }

    private static Value sum(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("sum", "attribute", "start");
        AttributePath path = AttributePath.of(bound.or(0, None.NONE), evaluator);
        Value total = bound.or(1, Value.of(0));
        if (total instanceof Str) {
            throw TemplateException.of("sum adds numbers; use join for strings");
        }
        for (Value item : Types.items(input, evaluator.sandbox())) {
            total = evaluator.operators().binary("+", total, path.in(item));
        }
        return total;
    }

    private static Value items(Value input, Arguments arguments, Evaluator evaluator) {
        arguments.bind("items");
        if (input instanceof Undefined) {
            return Seq.iterator(List.of());
        } else if (input instanceof Dict d) {
            evaluator.sandbox().elements(d.size());
            return Seq.iterator(d.items());
        }
        throw TemplateException.of("items wants a dict, not " + Types.name(input));
    }

    private static Value sortedItems(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("dictsort", "case_sensitive", "by", "reverse");
        String by = bound.has(1) ? bound.text(1) : "key";
        if (!by.equals("key") && !by.equals("value")) {
            throw TemplateException.of("dictsort sorts by 'key' or 'value', not by '" + by + "'");
        }
        if (!(Types.defined(input) instanceof Dict dict)) {
            throw TemplateException.of("dictsort wants a dict, not " + Types.name(input));
        }
        boolean caseless = !bound.isTrue(0, false);
        int part = by.equals("key") ? 0 : 1;
        evaluator.sandbox().elements(dict.size());
        List<Value> items = new ArrayList<>(dict.items());
        sort(
                items,
                item -> key(List.of(((Seq) item).items().get(part)), caseless),
                bound.isTrue(2, false),
                evaluator);
        return Seq.list(items);
    }

    private static Value batch(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("batch", "linecount", "fill_with");
        bound.get(0);
        int size = bound.integer(0, 1);
        List<Value> items = copied(input, evaluator);
        if (size < 1) {
            throw TemplateException.of("batch wants a size of at least 1");
        }
        List<Value> batches = new ArrayList<>();
        for (int from = 0; from < items.size(); from += size) {
            List<Value> one =
                    new ArrayList<>(
                            items.subList(from, (int) Math.min((long) from + size, items.size())));
            if (bound.or(1, None.NONE) != None.NONE) {
                evaluator.sandbox().elements(size);
                one.addAll(Collections.nCopies(size - one.size(), bound.get(1)));
            }
            batches.add(Seq.list(one));
            if (items.size() - from <= size) {
                break;
            }
        }
        return Seq.iterator(batches);
    }

    private static Value slice(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("slice", "slices", "fill_with");
        bound.get(0);
        int slices = bound.integer(0, 1);
        if (slices < 1) {
            throw TemplateException.of("slice wants at least 1 slice");
        }
        evaluator.sandbox().elements(slices);
        List<Value> items = copied(input, evaluator);
        int each = items.size() / slices;
        int longer = items.size() % slices;
        List<Value> result = new ArrayList<>(slices);
        int from = 0;
        for (int i = 0; i < slices; i++) {
            int to = from + each + (i < longer ? 1 : 0);
            List<Value> one = new ArrayList<>(items.subList(from, to));
            if (bound.or(1, None.NONE) != None.NONE && i >= longer) {
                one.add(bound.get(1));
            }
            result.add(Seq.list(one));
            from = to;
        }
        return Seq.iterator(result);
    }

    private static Value groupBy(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("groupby", "attribute", "default", "case_sensitive");
        AttributePath path = AttributePath.of(bound.get(0), evaluator).or(bound.or(1, None.NONE));
        boolean caseless = !bound.isTrue(2, false);
        List<Value> items = copied(input, evaluator);
        sort(items, item -> key(List.of(path.in(item)), caseless), false, evaluator);
        Map<Object, List<Value>> groups = new LinkedHashMap<>();
        for (Value item : items) {
            Value key = key(List.of(path.in(item)), caseless);
            groups.computeIfAbsent(Keys.of(key, evaluator.sandbox()), k -> new ArrayList<>())
                    .add(item);
        }
        List<Value> pairs = new ArrayList<>();
        groups.values()
                .forEach(group -> pairs.add(Seq.tuple(path.in(group.get(0)), Seq.list(group))));
        return Seq.list(pairs);
    }
}
