package io.millrace.gpu.sampling.grammar;

import io.millrace.gpu.sampling.grammar.mask.GrammarStates;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.sampling.grammar.position.BrokenPosition;

/** A grammar with a defect. */
public final class BrokenGrammar {
    private BrokenGrammar() {}

    /**
     * The text b, or one that begins with a: what may follow there throws, and with it each mask.
     */
    public static Grammar of(byte[][] tokens, Throwable defect) {
        GrammarStates states =
                new GrammarStates(
                        BrokenPosition.start(defect), new Vocabulary(tokens), Integer.MAX_VALUE);
        return new Grammar(states, new GrammarCompiler.Size(0, Integer.MAX_VALUE), false, null);
    }
}
