package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.syntax.Expression;
import io.millrace.gpu.text.jinja.syntax.Expression.ArgumentList;
import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Operators;
import io.millrace.gpu.text.jinja.value.Output;
import io.millrace.gpu.text.jinja.value.Printer;
import io.millrace.gpu.text.jinja.value.Sandbox;
import io.millrace.gpu.text.jinja.value.Slices;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Function;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Loop;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Evaluates expressions. One per rendering. */
final class Evaluator {
    private final Sandbox sandbox;
    private final Renderer renderer;
    private final Operators operators;
    private final Printer printer;
    private final Members members;
    private final boolean strict;

    /**
     * @param strict as of {@link Renderer}
     */
    Evaluator(Sandbox sandbox, Renderer renderer, boolean strict) {
        this.sandbox = sandbox;
        this.renderer = renderer;
        this.strict = strict;
        this.printer = new Printer(sandbox, strict);
        this.operators = new Operators(sandbox, printer);
        this.members = new Members(this, strict);
    }

    Sandbox sandbox() {
        return sandbox;
    }

    Operators operators() {
        return operators;
    }

    Members members() {
        return members;
    }

    /** The text of a value, as printed. */
    String text(Value value) {
        return printer.text(value);
    }

    /** A value of which the elements are taken; an error if strict and undefined. */
    Value used(Value value) {
        return strict ? Types.defined(value) : value;
    }

    Value value(Expression expression, Scope scope) {
        if (expression instanceof Expression.Constant c) {
            return c.value();
        }
        sandbox.enter();
        Value value = compound(expression, scope);
        sandbox.leave();
        return value;
    }

    boolean isTrue(Expression expression, Scope scope) {
        return Types.isTrue(value(expression, scope));
    }

    private Value compound(Expression expression, Scope scope) {
        if (expression instanceof Expression.Name n) {
            return scope.get(n.name());
        } else if (expression instanceof Expression.Attribute a) {
            Value of = value(a.of(), scope);
            sandbox.at(a.line());
            return members.attribute(of, a.name());
        } else if (expression instanceof Expression.Element e) {
            Value of = value(e.of(), scope);
            Value index = value(e.index(), scope);
            sandbox.at(e.line());
            return members.element(of, index);
        } else if (expression instanceof Expression.Slice s) {
            return slice(s, scope);
        } else if (expression instanceof Expression.Call c) {
            return call(c, List.of(), scope);
        } else if (expression instanceof Expression.Filter f) {
            Value input = value(f.input(), scope);
            Arguments arguments = arguments(f.arguments(), scope);
            sandbox.at(f.line());
            return filter(f.name(), input, arguments);
        } else if (expression instanceof Expression.Test t) {
            Value input = value(t.input(), scope);
            Arguments arguments = arguments(t.arguments(), scope);
            sandbox.at(t.line());
            return Value.of(test(t.name(), input, arguments));
        } else if (expression instanceof Expression.Captured c) {
            return Value.of(renderer.captured(c.body(), scope.inner()));
        }
        return operation(expression, scope);
    }

    private Value operation(Expression expression, Scope scope) {
        if (expression instanceof Expression.And a) {
            Value left = value(a.left(), scope);
            return Types.isTrue(left) ? value(a.right(), scope) : left;
        } else if (expression instanceof Expression.Or o) {
            Value left = value(o.left(), scope);
            return Types.isTrue(left) ? left : value(o.right(), scope);
        } else if (expression instanceof Expression.Not n) {
            return Value.of(!isTrue(n.of(), scope));
        } else if (expression instanceof Expression.Conditional c) {
            return conditional(c, scope);
        } else if (expression instanceof Expression.Comparison c) {
            return comparison(c, scope);
        } else if (expression instanceof Expression.Binary b) {
            Value left = value(b.left(), scope);
            Value right = value(b.right(), scope);
            sandbox.at(b.line());
            return operators.binary(b.operator(), left, right);
        } else if (expression instanceof Expression.Signed s) {
            return operators.signed(s.operator(), value(s.of(), scope));
        } else if (expression instanceof Expression.Concatenation c) {
            Output out = new Output(sandbox);
            for (Value part : values(c.parts(), scope)) {
                out.append(text(part));
            }
            return Value.of(out.toString());
        } else if (expression instanceof Expression.ListOf l) {
            return Seq.list(values(l.items(), scope));
        } else if (expression instanceof Expression.TupleOf t) {
            return new Seq(Kind.TUPLE, values(t.items(), scope));
        } else if (expression instanceof Expression.DictOf d) {
            Dict dict = new Dict();
            for (Map.Entry<Expression, Expression> entry : d.entries()) {
                Value key = value(entry.getKey(), scope);
                dict.put(key, value(entry.getValue(), scope), sandbox);
            }
            sandbox.elements(dict.size());
            return dict;
        }
        throw new IllegalStateException("no rule for " + expression.getClass());
    }

    private List<Value> values(List<Expression> expressions, Scope scope) {
        List<Value> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(value(expression, scope));
        }
        sandbox.elements(values.size());
        return values;
    }

    private Value conditional(Expression.Conditional c, Scope scope) {
        if (isTrue(c.condition(), scope)) {
            return value(c.then(), scope);
        }
        return c.otherwise().isPresent()
                ? value(c.otherwise().get(), scope)
                : new Value.Undefined("an inline 'if' was false and has no 'else'");
    }

    private Value comparison(Expression.Comparison c, Scope scope) {
        Value left = value(c.first(), scope);
        for (Expression.Operand operand : c.rest()) {
            Value right = value(operand.value(), scope);
            sandbox.at(c.line());
            if (!operators.compare(operand.operator(), left, right)) {
                return Value.FALSE;
            }
            left = right;
        }
        return Value.TRUE;
    }

    private Value slice(Expression.Slice s, Scope scope) {
        Value of = value(s.of(), scope);
        Optional<Value> start = bound(s.start(), scope);
        Optional<Value> stop = bound(s.stop(), scope);
        Optional<Value> step = bound(s.step(), scope);
        sandbox.at(s.line());
        return Slices.of(of, start, stop, step, sandbox);
    }

    /** A bound of None counts as absent. */
    private Optional<Value> bound(Optional<Expression> expression, Scope scope) {
        return expression.map(e -> value(e, scope)).filter(v -> v != Value.None.NONE);
    }

    /** Calls a function with its arguments and some more named ones. */
    Value call(Expression.Call c, List<Map.Entry<String, Value>> more, Scope scope) {
        Value function = function(c.function(), scope);
        Arguments written = arguments(c.arguments(), scope);
        Map<String, Value> named = new LinkedHashMap<>(written.named());
        more.forEach(entry -> named.put(entry.getKey(), entry.getValue()));
        sandbox.at(c.line());
        return call(function, new Arguments(written.positional(), named));
    }

    private Value function(Expression expression, Scope scope) {
        if (!(expression instanceof Expression.Attribute a)) {
            return value(expression, scope);
        }
        sandbox.enter();
        Value of = value(a.of(), scope);
        sandbox.at(a.line());
        Value function = members.called(of, a.name());
        sandbox.leave();
        return function;
    }

    Value call(Value function, Arguments arguments) {
        Types.defined(function);
        if (function instanceof Function f) {
            return f.body().call(arguments);
        } else if (function instanceof Loop l) {
            return l.recursion.call(arguments);
        }
        throw TemplateException.of("'" + Types.name(function) + "' cannot be called");
    }

    Value filter(String name, Value input, Arguments arguments) {
        Filter filter = Filters.ALL.get(name);
        if (filter == null) {
            throw TemplateException.of("there is no filter '" + name + "'");
        }
        return filter.apply(
                Filters.REPLACING.contains(name) ? input : used(input), arguments, this);
    }

    boolean test(String name, Value input, Arguments arguments) {
        Tests.Test test = Tests.ALL.get(name);
        if (test == null) {
            throw TemplateException.of("there is no test '" + name + "'");
        }
        return test.holds(input, arguments, this);
    }

    private Arguments arguments(ArgumentList list, Scope scope) {
        if (list == ArgumentList.NONE) {
            return Arguments.NONE;
        }
        List<Value> positional = values(list.positional(), scope);
        Map<String, Value> named = new LinkedHashMap<>();
        for (Map.Entry<String, Expression> entry : list.named()) {
            addNamed(named, entry.getKey(), value(entry.getValue(), scope));
        }
        if (list.spread().isPresent()) {
            positional.addAll(Types.items(value(list.spread().get(), scope), sandbox));
        }
        if (list.spreadNamed().isPresent()) {
            if (!(value(list.spreadNamed().get(), scope) instanceof Dict dict)) {
                throw TemplateException.of("'**' wants a dict");
            }
            for (Map.Entry<Value, Value> entry : dict.entries()) {
                if (!(entry.getKey() instanceof Str key)) {
                    throw TemplateException.of("'**' wants a dict whose keys are strings");
                }
                addNamed(named, key.text(), entry.getValue());
            }
        }
        return new Arguments(positional, named);
    }

    private static void addNamed(Map<String, Value> named, String name, Value value) {
        if (named.put(name, value) != null) {
            throw TemplateException.of("the argument '" + name + "' is given twice");
        }
    }
}
