package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Position;

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

    Stack(Position[] backs, Stack[] outers, int number) {
        this.backs = backs;
        this.outers = outers;
        this.number = number;
    }
}
