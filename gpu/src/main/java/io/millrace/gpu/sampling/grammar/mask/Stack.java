package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Position;
import io.millrace.gpu.sampling.grammar.token.Spelling;

/**
 * The open values around a position, innermost first. The innermost one can have several return
 * positions (a graph-structured stack). Equal stacks are one object.
 */
final class Stack {
    /** Return positions of the innermost value; null for the end of the text. */
    final Position[] backs;

    /** The stack of each return position. */
    final Stack[] outers;

    final int number;

    /** Upper bound of the tokens needed from the innermost value's end to the text's end. */
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
