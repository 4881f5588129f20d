package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.value.Value;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An expression. */
public sealed interface Expression {
    int line();

    record Constant(int line, Value value) implements Expression {}

    record Name(int line, String name) implements Expression {}

    record ListOf(int line, List<Expression> items) implements Expression {}

    record TupleOf(int line, List<Expression> items) implements Expression {}

    record DictOf(int line, List<Map.Entry<Expression, Expression>> entries)
            implements Expression {}

    record Attribute(int line, Expression of, String name) implements Expression {}

    record Element(int line, Expression of, Expression index) implements Expression {}

    record Slice(
            int line,
            Expression of,
            Optional<Expression> start,
            Optional<Expression> stop,
            Optional<Expression> step)
            implements Expression {}

    record Call(int line, Expression function, ArgumentList arguments) implements Expression {}

    record Filter(int line, Expression input, String name, ArgumentList arguments)
            implements Expression {}

    record Test(int line, Expression input, String name, ArgumentList arguments)
            implements Expression {}

    /** A sign: + or -. */
    record Signed(int line, String operator, Expression of) implements Expression {}

    record Not(int line, Expression of) implements Expression {}

    record Binary(int line, String operator, Expression left, Expression right)
            implements Expression {}

    record And(int line, Expression left, Expression right) implements Expression {}

    record Or(int line, Expression left, Expression right) implements Expression {}

    /** Parts joined by ~. */
    record Concatenation(int line, List<Expression> parts) implements Expression {}

    /** first op second op third: true if every adjacent pair is. */
    record Comparison(int line, Expression first, List<Operand> rest) implements Expression {}

    /** One operator of a comparison (==, <, in, not in and so on) and its right operand. */
    record Operand(String operator, Expression value) {}

    record Conditional(
            int line, Expression condition, Expression then, Optional<Expression> otherwise)
            implements Expression {}

    /** The text of a block, as the input of a filter. */
    record Captured(int line, List<Statement> body) implements Expression {}

    /**
     * Arguments as written; {@code spread} are those with one star, {@code spreadNamed} those with
     * two.
     */
    record ArgumentList(
            List<Expression> positional,
            List<Map.Entry<String, Expression>> named,
            Optional<Expression> spread,
            Optional<Expression> spreadNamed) {
        public static final ArgumentList NONE =
                new ArgumentList(List.of(), List.of(), Optional.empty(), Optional.empty());
    }
}
