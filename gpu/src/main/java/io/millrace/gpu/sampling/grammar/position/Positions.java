package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.automaton.BoundedDfa;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.sampling.grammar.schema.JsonText;
import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** The positions within the texts of a schema's values. One thread at a time. */
public final class Positions {
    private static final int LIMIT = 100_000;
    private static final long STEPS = 5_000_000;

    private final CompiledSchema schema;
    private final CharacterBytes bytes;
    private final Map<Integer, Position> values = new HashMap<>();
    private final Map<Position, Position> freeTexts = new IdentityHashMap<>();
    private final Map<NumberShape, TextPositions> numbers = new HashMap<>();
    private final Map<StringShape, Position> strings = new HashMap<>();
    private final Map<ArrayShape, ArrayPositions> arrays = new HashMap<>();
    private final Map<ObjectShape, ObjectPositions> objects = new HashMap<>();
    private final Map<Position, Map<CharDfa, Position>> names = new IdentityHashMap<>();
    private final Map<Position, Map<String, Position>> named = new IdentityHashMap<>();

    private final Map<String, FixedPosition.Text> nameTexts = new HashMap<>();
    private final FixedPosition.Text colon;
    private final FixedPosition.Text nothing;
    private final FixedPosition.Text yes;
    private final FixedPosition.Text no;
    private final ValueCosts costs = new ValueCosts(this);

    public Positions(CompiledSchema schema, Spelling spelling) {
        this.schema = schema;
        bytes = new CharacterBytes(spelling);
        colon = FixedPosition.text(":", spelling);
        nothing = FixedPosition.text("null", spelling);
        yes = FixedPosition.text("true", spelling);
        no = FixedPosition.text("false", spelling);
    }

    /** The start of a text that is an unrestricted JSON string. */
    public static Position ofStrings(Spelling spelling) {
        BoundedDfa any = new BoundedDfa(CharDfa.ANY, 0, BoundedDfa.NO_LIMIT);
        Position inside =
                new StringPositions(any, EndPosition.END, null, new CharacterBytes(spelling))
                        .start();
        return new FixedPosition(FixedPosition.text("\"", spelling), inside);
    }

    /** The start of a text of a set. */
    public static Position ofTexts(CharDfa texts, Spelling spelling) {
        return new TextPositions(texts, spelling).at(0);
    }

    /** The start of the whole text. */
    public Position start() {
        return value(schema.root());
    }

    Spelling spelling() {
        return bytes.spelling();
    }

    /** Tokens needed for a value of a demand. */
    int cost(int demand) {
        return costs.of(demand);
    }

    /** Tokens needed for a name of a set, with its closing quote. */
    int nameCost(CharDfa names) {
        return bytes.costs(names).of(0);
    }

    /** Drops all cached positions; those referenced elsewhere remain usable. */
    void forget() {
        if (!names.isEmpty() || !named.isEmpty() || !values.isEmpty()) {
            values.clear();
            names.clear();
            named.clear();
        }
        if (!freeTexts.isEmpty()) {
            freeTexts.clear();
        }
        numbers.clear();
        strings.clear();
        arrays.clear();
        objects.clear();
        bytes.forget();
    }

    boolean isPossible(int demand) {
        Shapes shapes = schema.shapes(demand);
        return !shapes.isNone();
    }

    Position value(int demand) {
        return values.computeIfAbsent(demand, ValuePosition::new);
    }

    /** After the opening quote of a fixed name. */
    Position name(String name, int demand, Position back) {
        return named.computeIfAbsent(back, any -> new HashMap<>())
                .computeIfAbsent(name, n -> fixedName(n, demand, back));
    }

    private Position fixedName(String name, int demand, Position back) {
        FixedPosition.Text text =
                nameTexts.computeIfAbsent(
                        name, n -> FixedPosition.text(JsonText.escaped(n) + "\":", spelling()));
        return new FixedPosition(text, colonEnd(demand, back));
    }

    private Position colonEnd(int demand, Position back) {
        return new SpacePosition(new CallPosition(value(demand), back));
    }

    /** After the opening quote of a name of a set. */
    Position names(ObjectShape.Others others, Position back) {
        return names.computeIfAbsent(back, any -> new HashMap<>())
                .computeIfAbsent(
                        others.names(),
                        set -> {
                            Position end =
                                    new FixedPosition(colon, colonEnd(others.demand(), back));
                            return text(new BoundedDfa(set, 0, BoundedDfa.NO_LIMIT), end);
                        });
    }

    /** The sets of names of a shape's other members, without the names of its named members. */
    List<ObjectShape.Others> otherNames(ObjectShape shape) {
        List<ObjectShape.Others> others = new ArrayList<>();
        if (shape.others().isEmpty()) {
            return others;
        }
        CharDfa own = CharDfa.ofTexts(List.copyOf(shape.members().keySet()));
        for (ObjectShape.Others other : shape.others()) {
            CharDfa rest =
                    shape.members().isEmpty()
                            ? other.names()
                            : other.names().minus(own, new Budget(LIMIT, STEPS));
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

    Position string(StringShape shape) {
        return strings.computeIfAbsent(shape, s -> text(schema.texts(s), EndPosition.END));
    }

    Position number(NumberShape shape) {
        return numbers.computeIfAbsent(shape, s -> new TextPositions(schema.texts(s), spelling()))
                .at(0);
    }

    /** Whether a shape contains the empty string. */
    boolean mayBeEmpty(StringShape shape) {
        return schema.texts(shape).accepts(0, 0);
    }

    Shapes shapes(int demand) {
        return schema.shapes(demand);
    }

    ArrayPositions array(ArrayShape shape) {
        return arrays.computeIfAbsent(shape, s -> new ArrayPositions(this, s, schema.counts(s)));
    }

    ObjectPositions object(ObjectShape shape) {
        return objects.computeIfAbsent(shape, s -> new ObjectPositions(this, s));
    }

    /** Before a value. */
    private final class ValuePosition extends Position {
        private final int demand;
        private final Shapes shapes;

        ValuePosition(int demand) {
            this.demand = demand;
            this.shapes = schema.shapes(demand);
        }

        @Override
        void forget() {
            Positions.this.forget();
        }

        @Override
        int fewestTokens() {
            return Positions.this.cost(demand);
        }

        @Override
        void addTo(Edges edges) {
            addWord(edges, shapes.nothing(), nothing);
            addWord(edges, shapes.yes(), yes);
            addWord(edges, shapes.no(), no);
            for (StringShape shape : shapes.strings()) {
                edges.add('"', string(shape));
            }
            for (NumberShape shape : shapes.numbers()) {
                number(shape).addTo(edges);
            }
            for (ArrayShape shape : shapes.arrays()) {
                edges.add('[', array(shape).start());
            }
            for (ObjectShape shape : shapes.objects()) {
                edges.add('{', object(shape).start());
            }
        }

        private static void addWord(Edges edges, boolean allowed, FixedPosition.Text word) {
            if (allowed) {
                new FixedPosition(word, EndPosition.END).addTo(edges);
            }
        }
    }
}
