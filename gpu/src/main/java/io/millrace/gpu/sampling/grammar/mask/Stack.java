package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Position;
import io.millrace.gpu.sampling.grammar.token.Spelling;

/**
 * The values that are open around a place, innermost first. The innermost may have been entered
 * from several places at once. Equal ones are one object.
 */
final class Stack {
    /** Where the innermost value's end leads; null for the end of the text. */
    final Position[] backs;

    /** Of each of these the values around it. */
    final Stack[] outers;

    final int number;

    /** How few tokens lead from the innermost value's end to the text's end. */
    final int cost;

    Stack(Position[] backs, Stack[] outers, int number) {
        this.backs = backs;
        this.outers = outers;
        this.number = number;
        int fewest = Spelling.NEVER;
        for (int i = 0; i < backs.length; i++) {
            int one = backs[i] == null ? 0 : Spelling.sum(backs[i].cost(), outers[i].cost);
            fewest = Math.min(fewest, one);
        }
        cost = fewest;
    }
}
