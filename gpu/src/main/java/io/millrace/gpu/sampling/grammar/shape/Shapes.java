package io.millrace.gpu.sampling.grammar.shape;

import java.util.List;

/**
 * The values that a demand allows: a union of shapes for each JSON type. Types are disjoint, so
 * unions and intersections are computed type by type.
 *
 * @param nothing whether null is allowed
 * @param yes whether true is allowed
 * @param no whether false is allowed
 */
public record Shapes(
        boolean nothing,
        boolean yes,
        boolean no,
        List<StringShape> strings,
        List<NumberShape> numbers,
        List<ArrayShape> arrays,
        List<ObjectShape> objects) {
    public static final Shapes ALL =
            new Shapes(
                    true,
                    true,
                    true,
                    List.of(StringShape.ALL),
                    List.of(NumberShape.ALL),
                    List.of(ArrayShape.ALL),
                    List.of(ObjectShape.ALL));

    public static final Shapes NONE =
            new Shapes(false, false, false, List.of(), List.of(), List.of(), List.of());

    public Shapes withStrings(List<StringShape> shapes) {
        return new Shapes(nothing, yes, no, shapes, numbers, arrays, objects);
    }

    public Shapes withNumbers(List<NumberShape> shapes) {
        return new Shapes(nothing, yes, no, strings, shapes, arrays, objects);
    }

    public Shapes withArrays(List<ArrayShape> shapes) {
        return new Shapes(nothing, yes, no, strings, numbers, shapes, objects);
    }

    public Shapes withObjects(List<ObjectShape> shapes) {
        return new Shapes(nothing, yes, no, strings, numbers, arrays, shapes);
    }

    /** Whether no value is allowed. */
    public boolean isNone() {
        return equals(NONE);
    }
}
