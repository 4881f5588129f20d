package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Python's value[start:stop:step]. */
public final class Slices {
    private Slices() {}

    public static Value of(
            Value of,
            Optional<Value> start,
            Optional<Value> stop,
            Optional<Value> step,
            Sandbox sandbox) {
        Types.defined(of);
        if (!(of instanceof Str) && !(of instanceof Seq s && s.isIndexed())) {
            throw TemplateException.of("'" + Types.name(of) + "' cannot be sliced");
        }
        int length = Types.length(of);
        int every = step.map(s -> clamped(s, Integer.MAX_VALUE)).orElse(1);
        if (every == 0) {
            throw TemplateException.of("the step of a slice cannot be zero");
        }
        boolean forward = every > 0;
        int from = start.map(s -> index(s, length, forward)).orElse(forward ? 0 : length - 1);
        int to = stop.map(s -> index(s, length, forward)).orElse(forward ? length : -1);
        if (of instanceof Str s) {
            return new Str(text(s.text(), from, to, every, sandbox), s.safe());
        }
        Seq seq = (Seq) of;
        if (seq.kind == Kind.RANGE) {
            Range range = ((Range) seq.items()).slice(from, to, every, sandbox);
            return new Seq(Kind.RANGE, range);
        }
        List<Value> items = new ArrayList<>();
        for (long i = from; forward ? i < to : i > to; i += every) {
            items.add(seq.items().get((int) i));
        }
        sandbox.elements(items.size());
        return new Seq(seq.kind, items);
    }

    private static String text(String text, int from, int to, int every, Sandbox sandbox) {
        sandbox.text(text.length());
        if (every == 1) {
            return PythonText.slice(text, from, to);
        }
        int[] characters = text.codePoints().toArray();
        StringBuilder result = new StringBuilder();
        for (long i = from; every > 0 ? i < to : i > to; i += every) {
            result.appendCodePoint(characters[(int) i]);
        }
        return result.toString();
    }

    /** An index, from the end if negative, clamped to the range of a slice. */
    private static int index(Value value, int length, boolean forward) {
        int index = clamped(value, Integer.MAX_VALUE / 2);
        if (index < 0) {
            index += length;
        }
        int lowest = forward ? 0 : -1;
        int highest = forward ? length : length - 1;
        return Math.max(lowest, Math.min(index, highest));
    }

    private static int clamped(Value value, int most) {
        BigInteger limit = BigInteger.valueOf(most);
        return Types.integer(value, "a bound of a slice").max(limit.negate()).min(limit).intValue();
    }
}
