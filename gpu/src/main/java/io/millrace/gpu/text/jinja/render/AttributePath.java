package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Str;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * The attribute argument of a filter, like "function.name" or 0: a path from an element to a part
 * of it.
 */
final class AttributePath {
    private final List<Value> steps;
    private final Value otherwise;
    private final Evaluator evaluator;

    private AttributePath(List<Value> steps, Value otherwise, Evaluator evaluator) {
        this.steps = steps;
        this.otherwise = otherwise;
        this.evaluator = evaluator;
    }

    /** None leads to the element itself. */
    static AttributePath of(Value attribute, Evaluator evaluator) {
        List<Value> steps = new ArrayList<>();
        if (attribute instanceof Str s) {
            for (String part : s.text().split("\\.", -1)) {
                boolean isIndex = part.length() < 10 && part.matches("[0-9]+");
                steps.add(isIndex ? new Value.Int(new BigInteger(part)) : Value.of(part));
            }
        } else if (attribute != None.NONE) {
            steps.add(attribute);
        }
        return new AttributePath(steps, None.NONE, evaluator);
    }

    /** Several paths with commas between them. */
    static List<AttributePath> several(Value attributes, Evaluator evaluator) {
        if (!(attributes instanceof Str s)) {
            return List.of(of(attributes, evaluator));
        }
        List<AttributePath> paths = new ArrayList<>();
        for (String path : s.text().split(",", -1)) {
            paths.add(of(Value.of(path), evaluator));
        }
        return paths;
    }

    /** The same with a default for a missing part; None is no default. */
    AttributePath or(Value value) {
        return new AttributePath(steps, value, evaluator);
    }

    Value in(Value element) {
        Value value = element;
        for (Value step : steps) {
            evaluator.sandbox().step();
            value = evaluator.members().element(value, step);
            if (value instanceof Undefined && otherwise != None.NONE) {
                value = otherwise;
            }
        }
        return value;
    }
}
