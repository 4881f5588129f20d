package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.schema.JsonText;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * The tokens needed for the rest of an object, by the index of the next named member and the number
 * of members that must come in addition to the required ones.
 */
final class MemberCosts {
    private final Positions positions;
    private final Spelling spelling;
    private final List<ObjectPositions.Named> members;
    private final List<ObjectShape.Others> others;
    private final int least;
    private final int close;
    private final int comma;

    /** Tokens of each member's name with quotes and colon; -1 until computed. */
    private final int[] names;

    /** As {@link #names}, with a comma before. */
    private final int[] further;

    /**
     * @param least minimum number of members
     */
    MemberCosts(
            Positions positions,
            List<ObjectPositions.Named> members,
            List<ObjectShape.Others> others,
            int least) {
        this.positions = positions;
        this.spelling = positions.spelling();
        this.members = members;
        this.others = others;
        this.least = least;
        close = ValueCosts.of(spelling, "}");
        comma = ValueCosts.of(spelling, ",");
        names = new int[members.size()];
        further = new int[members.size()];
        Arrays.fill(names, -1);
        Arrays.fill(further, -1);
    }

    int close() {
        return close;
    }

    private String quoted(int index) {
        return '"' + JsonText.escaped(members.get(index).name()) + "\":";
    }

    /** Tokens of a member, without a comma. */
    int member(int index, IntUnaryOperator value) {
        if (names[index] < 0) {
            names[index] = ValueCosts.of(spelling, quoted(index));
        }
        return Spelling.sum(names[index], value.applyAsInt(members.get(index).demand()));
    }

    private int further(int index, IntUnaryOperator value) {
        if (further[index] < 0) {
            further[index] = ValueCosts.of(spelling, "," + quoted(index));
        }
        return Spelling.sum(further[index], value.applyAsInt(members.get(index).demand()));
    }

    /** Tokens of a member of another name, without a comma. */
    int other(IntUnaryOperator value) {
        int best = Spelling.NEVER;
        int quote = ValueCosts.of(spelling, "\"");
        int colon = ValueCosts.of(spelling, ":");
        for (ObjectShape.Others other : others) {
            int name = Spelling.sum(quote, positions.nameCost(other.names()));
            int both = Spelling.sum(colon, value.applyAsInt(other.demand()));
            best = Math.min(best, Spelling.sum(name, both));
        }
        return best;
    }

    /**
     * Tokens needed after a member, by the number of members that must come in addition to the
     * required ones and by the index of the next named member.
     *
     * @return (least + 1, members + 1)
     */
    int[][] after(IntUnaryOperator value) {
        int n = members.size();
        int[][] after = new int[least + 1][n + 1];
        for (int more = 0; more <= least; more++) {
            after[more][n] = more == 0 ? close : Spelling.NEVER;
        }
        if (least > 0) {
            after[1][n] = Spelling.sum(Spelling.sum(comma, other(value)), close);
        }
        for (int i = n - 1; i >= 0; i--) {
            boolean required = members.get(i).required();
            int one = required || least > 0 ? further(i, value) : Spelling.NEVER;
            for (int more = 0; more <= least; more++) {
                if (required) {
                    after[more][i] = Spelling.sum(one, after[more][i + 1]);
                } else {
                    int with =
                            more == 0 ? Spelling.NEVER : Spelling.sum(one, after[more - 1][i + 1]);
                    after[more][i] = Math.min(after[more][i + 1], with);
                }
            }
        }
        return after;
    }
}
