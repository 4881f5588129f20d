package io.millrace.gpu.sampling.grammar.shape;

import java.util.List;

/**
 * The values that a demand allows: for each type of JSON a union of shapes. Types do not meet, so
 * that sets are joined and intersected type by type.
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

    /** Whether there is no value. */
    public boolean isNone() {
        return equals(NONE);
    }
}
