package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/**
 * The places within an object, between its values. Members with names of their own come in order,
 * the others behind them. Two members of the others may have one name: only one of them counts
 * where a least number is asked for.
 */
final class ObjectPositions {
    private record Place(int index, int named, int others, boolean first) {}

    /** A member with a name of its own. */
    record Named(String name, int demand, boolean required) {}

    private final Positions positions;
    private final ObjectShape shape;
    private final List<Named> named = new ArrayList<>();

    /** Of each index, how many members from there on are required. */
    private final int[] required;

    private final List<ObjectShape.Others> others;
    private final boolean counts;
    private final Map<Place, Position> members = new HashMap<>();
    private final Map<Place, Position> values = new HashMap<>();
    private final MemberCosts costs;

    /** Tokens behind a member; null until asked for. */
    private int[][] after;

    ObjectPositions(Positions positions, ObjectShape shape) {
        this.positions = positions;
        this.shape = shape;
        shape.members()
                .forEach(
                        (name, member) -> {
                            if (positions.isPossible(member.demand())) {
                                named.add(new Named(name, member.demand(), member.required()));
                            }
                        });
        others = positions.otherNames(shape);
        counts = shape.least() > 0 || shape.most() != ObjectShape.NO_LIMIT;
        required = new int[named.size() + 1];
        for (int i = named.size() - 1; i >= 0; i--) {
            required[i] = required[i + 1] + (named.get(i).required() ? 1 : 0);
        }
        costs = new MemberCosts(positions, named, others, shape.least());
    }

    /** The demands of the values whose tokens are needed to know those of the object. */
    Set<Integer> needed() {
        Set<Integer> needed = new LinkedHashSet<>();
        for (Named member : named) {
            if (member.required || shape.least() > 0) {
                needed.add(member.demand);
            }
        }
        if (shape.least() > 0) {
            others.forEach(other -> needed.add(other.demand()));
        }
        return needed;
    }

    boolean mayBeEmpty() {
        return canClose(new Place(0, 0, 0, true));
    }

    /** Tokens behind the opening brace. */
    int cost(IntUnaryOperator value) {
        return tokens(new Place(0, 0, 0, true), costs.after(value), value);
    }

    /** Members that must come from a place on and are not required by name. */
    private int more(Place place) {
        int known = place.named + Math.min(place.others, 1) + required[place.index];
        return counts ? Math.max(0, shape.least() - known) : 0;
    }

    private int tokens(Place place, int[][] tails, IntUnaryOperator value) {
        if (place.first && canClose(place)) {
            return costs.close();
        }
        int best = Spelling.NEVER;
        int last = lastMember(place);
        boolean all = more(place) > 0 || required[place.index] == 0;
        for (int i = all ? place.index : last; i <= last; i++) {
            Place next = afterNamed(place, i);
            if (canEnd(next)) {
                int tail = tails[more(next)][i + 1];
                best = Math.min(best, Spelling.sum(costs.member(i, value), tail));
            }
        }
        Place next = afterOther(place);
        if (required[place.index] == 0 && !others.isEmpty() && canEnd(next) && more(next) == 0) {
            best = Math.min(best, Spelling.sum(costs.other(value), costs.close()));
        }
        return best;
    }

    /** The first required member from a place on, or the last member. */
    private int lastMember(Place place) {
        int i = place.index;
        while (i < named.size() - 1 && !named.get(i).required) {
            i++;
        }
        return Math.min(i, named.size() - 1);
    }

    private int[][] after() {
        if (after == null) {
            after = costs.after(positions::cost);
        }
        return after;
    }

    private void forgetAll() {
        members.clear();
        values.clear();
        positions.forget();
    }

    /** Behind the opening brace. */
    Position start() {
        return member(new Place(0, 0, 0, true));
    }

    private Position member(Place place) {
        return members.computeIfAbsent(place, MemberPosition::new);
    }

    private Position value(Place place) {
        return values.computeIfAbsent(place, ValueEndPosition::new);
    }

    private Place afterNamed(Place place, int index) {
        return new Place(index + 1, counts ? place.named + 1 : 0, 0, false);
    }

    private Place afterOther(Place place) {
        int bound = shape.most() == ObjectShape.NO_LIMIT ? 1 : Integer.MAX_VALUE;
        int count = counts ? Math.min(place.others + 1, bound) : 0;
        return new Place(named.size(), place.named, count, false);
    }

    private boolean canClose(Place place) {
        return required[place.index] == 0
                && place.named + Math.min(place.others, 1) >= shape.least()
                && place.named + place.others <= shape.most();
    }

    /** Whether an object that is begun like this can be ended. */
    private boolean canEnd(Place place) {
        if (!counts) {
            return true;
        }
        int needed = required[place.index];
        int possible = named.size() - place.index;
        int distinct = place.named + possible + (others.isEmpty() ? 0 : 1);
        if (place.others > 0) {
            distinct = place.named + 1;
        }
        return (long) place.named + place.others + needed <= shape.most()
                && distinct >= shape.least()
                && canReach(place, needed);
    }

    /** Whether the most does not stop the least. */
    private boolean canReach(Place place, int needed) {
        return Math.max(shape.least(), place.named + place.others + needed) <= shape.most();
    }

    private void addMembers(Place place, Edges edges) {
        for (int i = place.index; i < named.size(); i++) {
            Place after = afterNamed(place, i);
            if (canEnd(after)) {
                edges.add(
                        '"', positions.name(named.get(i).name, named.get(i).demand, value(after)));
            }
            if (named.get(i).required) {
                return;
            }
        }
        Place after = afterOther(place);
        if (canEnd(after)) {
            for (ObjectShape.Others other : others) {
                edges.add('"', positions.names(other, value(after)));
            }
        }
    }

    private boolean hasMembers(Place place) {
        Edges edges = new Edges();
        addMembers(place, edges);
        return edges.size() > 0;
    }

    /** Where a member begins. */
    private final class MemberPosition extends Position {
        private final Place place;

        MemberPosition(Place place) {
            this.place = place;
        }

        @Override
        void forget() {
            forgetAll();
        }

        @Override
        int fewestTokens() {
            return tokens(place, after(), positions::cost);
        }

        @Override
        void addTo(Edges edges) {
            addMembers(place, edges);
            if (place.first && canClose(place)) {
                edges.add('}', EndPosition.END);
            }
        }
    }

    /** Behind a member. */
    private final class ValueEndPosition extends Position {
        private final Place place;

        ValueEndPosition(Place place) {
            this.place = place;
        }

        @Override
        void forget() {
            forgetAll();
        }

        @Override
        int fewestTokens() {
            int more = more(place);
            boolean once = place.others > 0 && more > 0;
            return once ? Spelling.NEVER : after()[more][place.index];
        }

        @Override
        void addTo(Edges edges) {
            if (hasMembers(place)) {
                edges.add(',', new SpacePosition(member(place)));
            }
            if (canClose(place)) {
                edges.add('}', EndPosition.END);
            }
        }
    }
}
