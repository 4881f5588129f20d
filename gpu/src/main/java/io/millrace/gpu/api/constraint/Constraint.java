package io.millrace.gpu.api.constraint;

import java.io.Serializable;
import java.util.List;

/**
 * The set of texts that the completions of a request may be. Tokens that no such text continues
 * with are not sampled, and the completion ends within the token limit. {@code docs/constraints.md}
 * says which parts of JSON Schema and of regular expressions are supported; an engine refuses
 * others.
 */
public sealed interface Constraint {
    /**
     * Version of the tokens that constraints allow: answers that were begun under another start
     * over, since their tokens may lead nowhere under this one. Raised with every change of a mask.
     */
    int VERSION = 1;

    /**
     * JSON that is valid by a schema, on one line, members in the schema's order.
     *
     * @param schema JSON text
     */
    record JsonSchema(String schema) implements Constraint, Serializable {}

    /** A text that a regular expression (ECMA-262) matches as a whole. */
    record Regex(String pattern) implements Constraint, Serializable {}

    /** One of some texts. */
    record Choice(List<String> texts) implements Constraint, Serializable {
        public Choice {
            texts = List.copyOf(texts);
        }
    }

    /**
     * One that an engine has compiled for its vocabulary, to be given to that engine only. It
     * counts against the engine's bound of memory until it is closed, once the requests that have
     * it are done. Safe for any thread.
     */
    non-sealed interface Compiled extends Constraint, AutoCloseable {
        /** Gives its memory back; harmless if it was closed before. */
        @Override
        void close();
    }

    /** Any JSON object. */
    static Constraint jsonObject() {
        return new JsonSchema("{\"type\":\"object\"}");
    }
}
