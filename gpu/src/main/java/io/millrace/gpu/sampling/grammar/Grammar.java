package io.millrace.gpu.sampling.grammar;

import io.millrace.gpu.sampling.grammar.mask.GrammarStates;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.sampling.grammar.schema.PropertyOrder;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The texts that an answer may be, compiled for a vocabulary. Immutable to its users and safe for
 * any thread: what its matchers find of states and masks is shared, within a bound in bytes.
 */
public final class Grammar {
    private final GrammarStates states;
    private final GrammarCompiler.Size size;
    private final boolean empty;

    /** Whether a defect that its matchers met was taken. */
    private final AtomicBoolean taken = new AtomicBoolean();

    /** Null where it is not of a schema. */
    private final CompiledSchema schema;

    Grammar(GrammarStates states, GrammarCompiler.Size size, boolean empty, CompiledSchema schema) {
        this.states = states;
        this.size = size;
        this.empty = empty;
        this.schema = schema;
    }

    /** Whether no text is allowed at all: such a request can have no answer. */
    public boolean isEmpty() {
        return empty;
    }

    /** A matcher at the beginning of a text. */
    public Matcher matcher() {
        return new Matcher(states, taken);
    }

    /**
     * Tokens, the end token among them, in which some answer of this grammar can be written: an
     * answer that may have so many always ends. {@link Integer#MAX_VALUE} where it is empty.
     */
    public int fewestTokens() {
        return empty ? Integer.MAX_VALUE : states.cost(states.start()) + 1;
    }

    /** About the bytes that it holds now: what was compiled, and states and masks. */
    public long bytes() {
        return size.compiled() + states.bytes();
    }

    /** Of these, about those that were compiled: they stay as long as the grammar does. */
    public long compiledBytes() {
        return size.compiled();
    }

    /** About the bytes that it holds at most. */
    public long mostBytes() {
        return size.most();
    }

    /** Words of 64 bits that a mask has. */
    public int maskWords() {
        return states.vocabulary().words();
    }

    /** The order of members in a schema's objects; null for what is not of a schema. */
    public PropertyOrder order() {
        return schema == null ? null : schema.order();
    }

    /**
     * Whether some values that the schema allows are left out, because none can tell them apart.
     */
    public boolean isNarrow() {
        return schema != null && schema.isNarrow();
    }
}
