package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.automaton.BoundedDfa;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.sampling.grammar.schema.JsonText;
import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** The places within the texts of a schema's values. One thread at a time. */
public final class Positions {
    private static final int LIMIT = 100_000;

    private final CompiledSchema schema;
    private final CharacterBytes bytes = new CharacterBytes();
    private final Map<Integer, Position> values = new HashMap<>();
    private final Map<Position, Position> freeTexts = new IdentityHashMap<>();
    private final Map<NumberShape, TextPositions> numbers = new HashMap<>();
    private final Map<StringShape, Position> strings = new HashMap<>();
    private final Map<ArrayShape, ArrayPositions> arrays = new HashMap<>();
    private final Map<ObjectShape, ObjectPositions> objects = new HashMap<>();
    private final Map<Position, Map<CharDfa, Position>> names = new IdentityHashMap<>();
    private final Map<Position, Map<String, Position>> named = new IdentityHashMap<>();

    public Positions(CompiledSchema schema) {
        this.schema = schema;
    }

    /** Where a text begins that is a JSON string of any characters. */
    public static Position ofStrings() {
        BoundedDfa any = new BoundedDfa(CharDfa.ANY, 0, BoundedDfa.NO_LIMIT);
        Position inside =
                new StringPositions(any, EndPosition.END, null, new CharacterBytes()).start();
        return new FixedPosition(new byte[] {'"'}, 0, inside);
    }

    /** Where a text of a set begins. */
    public static Position ofTexts(CharDfa texts) {
        return new TextPositions(texts).at(0);
    }

    /** Where the whole text begins. */
    public Position start() {
        return value(schema.root());
    }

    boolean isPossible(int demand) {
        Shapes shapes = schema.shapes(demand);
        return !shapes.isNone();
    }

    Position value(int demand) {
        return values.computeIfAbsent(demand, d -> new ValuePosition(schema.shapes(d)));
    }

    /** Behind the opening quote of a name of its own, to the end of the member. */
    Position name(String name, int demand, Position back) {
        return named.computeIfAbsent(back, any -> new HashMap<>())
                .computeIfAbsent(name, n -> fixedName(n, demand, back));
    }

    private Position fixedName(String name, int demand, Position back) {
        byte[] text = (JsonText.escaped(name) + "\":").getBytes(StandardCharsets.UTF_8);
        return new FixedPosition(text, 0, colonEnd(demand, back));
    }

    private Position colonEnd(int demand, Position back) {
        return new SpacePosition(new CallPosition(value(demand), back));
    }

    /** Behind the opening quote of a name of a set. */
    Position names(ObjectShape.Others others, Position back) {
        return names.computeIfAbsent(back, any -> new HashMap<>())
                .computeIfAbsent(
                        others.names(),
                        set -> {
                            Position colon =
                                    new FixedPosition(
                                            new byte[] {':'}, 0, colonEnd(others.demand(), back));
                            return text(new BoundedDfa(set, 0, BoundedDfa.NO_LIMIT), colon);
                        });
    }

    /** The sets of names that a shape's members have which have no name of their own. */
    List<ObjectShape.Others> otherNames(ObjectShape shape) {
        List<ObjectShape.Others> others = new ArrayList<>();
        if (shape.others().isEmpty()) {
            return others;
        }
        CharDfa own = CharDfa.ofTexts(List.copyOf(shape.members().keySet()));
        for (ObjectShape.Others other : shape.others()) {
            CharDfa rest =
                    shape.members().isEmpty() ? other.names() : other.names().minus(own, LIMIT);
            if (!rest.isEmpty()) {
                others.add(new ObjectShape.Others(rest, other.demand()));
            }
        }
        return others;
    }

    private Position text(BoundedDfa texts, Position next) {
        Position free =
                freeTexts.computeIfAbsent(
                        next,
                        n -> {
                            BoundedDfa any = new BoundedDfa(CharDfa.ANY, 0, BoundedDfa.NO_LIMIT);
                            return new StringPositions(any, n, null, bytes).start();
                        });
        boolean isFree = texts.texts().isAny() && texts.least() == 0;
        return isFree && texts.most() == BoundedDfa.NO_LIMIT
                ? free
                : new StringPositions(texts, next, free, bytes).start();
    }

    private Position string(StringShape shape) {
        return strings.computeIfAbsent(shape, s -> text(schema.texts(s), EndPosition.END));
    }

    private Position number(NumberShape shape) {
        return numbers.computeIfAbsent(shape, s -> new TextPositions(schema.texts(s))).at(0);
    }

    /** Where a value begins. */
    private final class ValuePosition extends Position {
        private final Shapes shapes;

        ValuePosition(Shapes shapes) {
            this.shapes = shapes;
        }

        @Override
        void addTo(Edges edges) {
            addWord(edges, shapes.nothing(), "null");
            addWord(edges, shapes.yes(), "true");
            addWord(edges, shapes.no(), "false");
            for (StringShape shape : shapes.strings()) {
                edges.add('"', string(shape));
            }
            for (NumberShape shape : shapes.numbers()) {
                number(shape).addTo(edges);
            }
            for (ArrayShape shape : shapes.arrays()) {
                edges.add(
                        '[',
                        arrays.computeIfAbsent(
                                        shape,
                                        s -> new ArrayPositions(Positions.this, schema.counts(s)))
                                .start());
            }
            for (ObjectShape shape : shapes.objects()) {
                edges.add(
                        '{',
                        objects.computeIfAbsent(shape, s -> new ObjectPositions(Positions.this, s))
                                .start());
            }
        }

        private static void addWord(Edges edges, boolean allowed, String word) {
            if (allowed) {
                byte[] text = word.getBytes(StandardCharsets.US_ASCII);
                edges.add(text[0], new FixedPosition(text, 1, EndPosition.END));
            }
        }
    }
}
