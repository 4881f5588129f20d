package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The places within an object, between its values. Members with names of their own come in order,
 * the others behind them. Two members of the others may have one name: only one of them counts
 * where a least number is asked for.
 */
final class ObjectPositions {
    private record Place(int index, int named, int others, boolean first) {}

    private final Positions positions;
    private final ObjectShape shape;
    private final List<String> names = new ArrayList<>();
    private final List<Integer> demands = new ArrayList<>();
    private final List<Boolean> required = new ArrayList<>();
    private final List<ObjectShape.Others> others;
    private final boolean counts;
    private final Map<Place, Position> members = new HashMap<>();
    private final Map<Place, Position> values = new HashMap<>();

    ObjectPositions(Positions positions, ObjectShape shape) {
        this.positions = positions;
        this.shape = shape;
        shape.members()
                .forEach(
                        (name, member) -> {
                            if (positions.isPossible(member.demand())) {
                                names.add(name);
                                demands.add(member.demand());
                                required.add(member.required());
                            }
                        });
        others = positions.otherNames(shape);
        counts = shape.least() > 0 || shape.most() != ObjectShape.NO_LIMIT;
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
        return new Place(names.size(), place.named, count, false);
    }

    private int requiredFrom(int index) {
        int count = 0;
        for (int i = index; i < names.size(); i++) {
            count += required.get(i) ? 1 : 0;
        }
        return count;
    }

    private boolean canClose(Place place) {
        return requiredFrom(place.index) == 0
                && place.named + Math.min(place.others, 1) >= shape.least()
                && place.named + place.others <= shape.most();
    }

    /** Whether an object that is begun like this can be ended. */
    private boolean canEnd(Place place) {
        if (!counts) {
            return true;
        }
        int needed = requiredFrom(place.index);
        int possible = names.size() - place.index;
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
        for (int i = place.index; i < names.size(); i++) {
            Place after = afterNamed(place, i);
            if (canEnd(after)) {
                edges.add('"', positions.name(names.get(i), demands.get(i), value(after)));
            }
            if (required.get(i)) {
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
