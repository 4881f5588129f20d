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
 * The positions within an object, between its values. Named members come in order, members with
 * other names after them. Two of the latter can have the same name, so all of them count as one
 * member towards {@code minProperties}.
 */
final class ObjectPositions {
    /**
     * The members written so far.
     *
     * @param index index of the next named member
     * @param named number of named members written, if members are counted
     * @param others number of other members written, if members are counted
     * @param first whether no member is written
     */
    private record Progress(int index, int named, int others, boolean first) {}

    /** A member with a name of its own. */
    record Named(String name, int demand, boolean required) {}

    private final Positions positions;
    private final ObjectShape shape;
    private final List<Named> named = new ArrayList<>();

    /** Number of required members from each index on. */
    private final int[] required;

    private final List<ObjectShape.Others> others;
    private final boolean counts;
    private final Map<Progress, Position> members = new HashMap<>();
    private final Map<Progress, Position> values = new HashMap<>();
    private final MemberCosts costs;

    /** Tokens needed after a member; null until computed. */
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

    /** The demands of the values whose costs this object's cost depends on. */
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
        return canClose(new Progress(0, 0, 0, true));
    }

    /** Tokens needed after the opening brace. */
    int cost(IntUnaryOperator value) {
        return tokens(new Progress(0, 0, 0, true), costs.after(value), value);
    }

    /** Number of members that must come in addition to the required ones. */
    private int more(Progress progress) {
        int known = progress.named + Math.min(progress.others, 1) + required[progress.index];
        return counts ? Math.max(0, shape.least() - known) : 0;
    }

    private int tokens(Progress progress, int[][] tails, IntUnaryOperator value) {
        if (progress.first && canClose(progress)) {
            return costs.close();
        }
        int best = Spelling.NEVER;
        int last = lastMember(progress);
        boolean all = more(progress) > 0 || required[progress.index] == 0;
        for (int i = all ? progress.index : last; i <= last; i++) {
            Progress next = afterNamed(progress, i);
            if (canEnd(next)) {
                int tail = tails[more(next)][i + 1];
                best = Math.min(best, Spelling.sum(costs.member(i, value), tail));
            }
        }
        Progress next = afterOther(progress);
        if (required[progress.index] == 0 && !others.isEmpty() && canEnd(next) && more(next) == 0) {
            best = Math.min(best, Spelling.sum(costs.other(value), costs.close()));
        }
        return best;
    }

    /** The next required member, or the last member. */
    private int lastMember(Progress progress) {
        int i = progress.index;
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

    /** After the opening brace. */
    Position start() {
        return member(new Progress(0, 0, 0, true));
    }

    private Position member(Progress progress) {
        return members.computeIfAbsent(progress, MemberPosition::new);
    }

    private Position value(Progress progress) {
        return values.computeIfAbsent(progress, ValueEndPosition::new);
    }

    private Progress afterNamed(Progress progress, int index) {
        return new Progress(index + 1, counts ? progress.named + 1 : 0, 0, false);
    }

    private Progress afterOther(Progress progress) {
        int bound = shape.most() == ObjectShape.NO_LIMIT ? 1 : Integer.MAX_VALUE;
        int count = counts ? Math.min(progress.others + 1, bound) : 0;
        return new Progress(named.size(), progress.named, count, false);
    }

    private boolean canClose(Progress progress) {
        return required[progress.index] == 0
                && progress.named + Math.min(progress.others, 1) >= shape.least()
                && progress.named + progress.others <= shape.most();
    }

    /** Whether the object can still be completed. */
    private boolean canEnd(Progress progress) {
        if (!counts) {
            return true;
        }
        int needed = required[progress.index];
        int possible = named.size() - progress.index;
        int distinct = progress.named + possible + (others.isEmpty() ? 0 : 1);
        if (progress.others > 0) {
            distinct = progress.named + 1;
        }
        return (long) progress.named + progress.others + needed <= shape.most()
                && distinct >= shape.least()
                && canReach(progress, needed);
    }

    /** Whether the minimum can be reached within the maximum. */
    private boolean canReach(Progress progress, int needed) {
        return Math.max(shape.least(), progress.named + progress.others + needed) <= shape.most();
    }

    private void addMembers(Progress progress, Edges edges) {
        for (int i = progress.index; i < named.size(); i++) {
            Progress after = afterNamed(progress, i);
            if (canEnd(after)) {
                edges.add(
                        '"', positions.name(named.get(i).name, named.get(i).demand, value(after)));
            }
            if (named.get(i).required) {
                return;
            }
        }
        Progress after = afterOther(progress);
        if (canEnd(after)) {
            for (ObjectShape.Others other : others) {
                edges.add('"', positions.names(other, value(after)));
            }
        }
    }

    private boolean hasMembers(Progress progress) {
        Edges edges = new Edges();
        addMembers(progress, edges);
        return edges.size() > 0;
    }

    /** Before a member. */
    private final class MemberPosition extends Position {
        private final Progress progress;

        MemberPosition(Progress progress) {
            this.progress = progress;
        }

        @Override
        void forget() {
            forgetAll();
        }

        @Override
        int fewestTokens() {
            return tokens(progress, after(), positions::cost);
        }

        @Override
        void addTo(Edges edges) {
            addMembers(progress, edges);
            if (progress.first && canClose(progress)) {
                edges.add('}', EndPosition.END);
            }
        }
    }

    /** After a member. */
    private final class ValueEndPosition extends Position {
        private final Progress progress;

        ValueEndPosition(Progress progress) {
            this.progress = progress;
        }

        @Override
        void forget() {
            forgetAll();
        }

        @Override
        int fewestTokens() {
            int more = more(progress);
            boolean once = progress.others > 0 && more > 0;
            return once ? Spelling.NEVER : after()[more][progress.index];
        }

        @Override
        void addTo(Edges edges) {
            if (hasMembers(progress)) {
                edges.add(',', new SpacePosition(member(progress)));
            }
            if (canClose(progress)) {
                edges.add('}', EndPosition.END);
            }
        }
    }
}
