package io.millrace.gpu.text.jinja.syntax;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A statement. */
public sealed interface Statement {
    int line();

    record Text(int line, String text) implements Statement {}

    record Print(int line, Expression value) implements Statement {}

    /** Branches in order (else is one with a constant condition). */
    record If(int line, List<Branch> branches) implements Statement {}

    record Branch(Expression condition, List<Statement> body) {}

    record For(
            int line,
            Target target,
            Expression iterable,
            Optional<Expression> condition,
            boolean recursive,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {}

    record Assign(int line, Target target, Expression value) implements Statement {}

    record With(int line, List<Map.Entry<Target, Expression>> values, List<Statement> body)
            implements Statement {}

    record DefineMacro(int line, Macro macro) implements Statement {}

    /** Calls a macro that can call the block back as caller. */
    record CallBlock(int line, Expression.Call call, Macro caller) implements Statement {}

    /** A generation block, which marks assistant text for training; here it is only a scope. */
    record Generation(int line, List<Statement> body) implements Statement {}

    record Break(int line) implements Statement {}

    record Continue(int line) implements Statement {}

    /**
     * A macro as written.
     *
     * @param used all names in its body: varargs, kwargs and caller are passed only if they are
     *     among these
     */
    record Macro(
            String name,
            List<String> parameters,
            List<Expression> defaults,
            List<Statement> body,
            Set<String> used) {

        public boolean uses(String name) {
            return used.contains(name);
        }
    }

    /** The target of an assignment. */
    sealed interface Target {}

    record NameTarget(String name) implements Target {}

    record AttributeTarget(String namespace, String attribute) implements Target {}

    record TupleTarget(List<Target> targets) implements Target {}
}
