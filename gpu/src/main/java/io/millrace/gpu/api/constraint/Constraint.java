package io.millrace.gpu.api.constraint;

import java.io.Serializable;
import java.util.List;

/**
 * What each completion of a request is, from its first character to its last. Tokens that lead
 * nowhere else are not drawn, and the completion ends before the token limit. What of JSON Schema
 * and of regular expressions is known, {@code docs/constraints.md} says; an engine refuses the
 * rest.
 */
public sealed interface Constraint {

    /**
     * JSON that is valid by a schema, in one line, members in the schema's order.
     *
     * @param schema JSON text
     */
    record JsonSchema(String schema) implements Constraint, Serializable {}

    /** A text that a regular expression of ECMA-262 matches from its beginning to its end. */
    record Regex(String pattern) implements Constraint, Serializable {}

    /** One of some texts. */
    record Choice(List<String> texts) implements Constraint, Serializable {
        public Choice {
            texts = List.copyOf(texts);
        }
    }

    /** One that an engine has compiled for its vocabulary, to be given back to that engine only. */
    non-sealed interface Compiled extends Constraint {}

    /** Any JSON object. */
    static Constraint jsonObject() {
        return new JsonSchema("{\"type\":\"object\"}");
    }
}
