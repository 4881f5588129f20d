package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.syntax.Expression;
import io.millrace.gpu.text.jinja.syntax.Statement;
import io.millrace.gpu.text.jinja.syntax.Statement.Macro;
import io.millrace.gpu.text.jinja.syntax.Statement.Target;
import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.JavaValues;
import io.millrace.gpu.text.jinja.value.Output;
import io.millrace.gpu.text.jinja.value.Sandbox;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.TemplateLimits;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Function;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Loop;
import io.millrace.gpu.text.jinja.value.Value.Namespace;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Undefined;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Runs the statements of a template once and returns the text. */
public final class Renderer {

    /** The way a block ended. */
    private enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    private final Sandbox sandbox;
    private final Evaluator evaluator;
    private final Instant clock;

    /** As Jinja2 by default: an undefined value is empty text. */
    public Renderer(TemplateLimits limits, Instant clock) {
        this(limits, clock, false);
    }

    /**
     * @param strict whether making text of an undefined value, filtering or iterating it is an
     *     error; the filter default, tests and conditions take it all the same. Then, too, the
     *     entries of a dictionary hide its methods: those are found where they are called only
     */
    public Renderer(TemplateLimits limits, Instant clock, boolean strict) {
        this.sandbox = new Sandbox(limits);
        this.evaluator = new Evaluator(sandbox, this, strict);
        this.clock = clock;
    }

    public String render(List<Statement> template, Map<String, ?> context) {
        try {
            Map<String, Value> values = new LinkedHashMap<>(Globals.of(evaluator, clock));
            context.forEach((name, value) -> values.put(name, JavaValues.of(value)));
            return captured(template, new Scope(values).inner());
        } catch (TemplateException e) {
            throw e.withLine(sandbox.line());
        }
    }

    /** Renders a block to a string. */
    String captured(List<Statement> body, Scope scope) {
        Output out = new Output(sandbox);
        run(body, scope, out);
        return out.toString();
    }

    private Flow run(List<Statement> body, Scope scope, Output out) {
        for (Statement statement : body) {
            sandbox.at(statement.line());
            sandbox.enter();
            Flow flow = run(statement, scope, out);
            sandbox.leave();
            if (flow != Flow.NEXT) {
                return flow;
            }
        }
        return Flow.NEXT;
    }

    private Flow run(Statement statement, Scope scope, Output out) {
        if (statement instanceof Statement.Text t) {
            out.append(t.text());
        } else if (statement instanceof Statement.Print p) {
            out.append(evaluator.text(evaluator.value(p.value(), scope)));
        } else if (statement instanceof Statement.If i) {
            for (Statement.Branch branch : i.branches()) {
                if (evaluator.isTrue(branch.condition(), scope)) {
                    return run(branch.body(), scope, out);
                }
            }
        } else if (statement instanceof Statement.For f) {
            Value items = evaluator.used(evaluator.value(f.iterable(), scope));
            return loop(f, items, scope, 0, out);
        } else if (statement instanceof Statement.Assign a) {
            assign(a.target(), evaluator.value(a.value(), scope), scope);
        } else if (statement instanceof Statement.With w) {
            return with(w, scope, out);
        } else if (statement instanceof Statement.DefineMacro d) {
            scope.set(d.macro().name(), function(d.macro(), scope));
        } else if (statement instanceof Statement.CallBlock c) {
            Value caller = function(c.caller(), scope);
            Value result = evaluator.call(c.call(), List.of(Map.entry("caller", caller)), scope);
            out.append(evaluator.text(result));
        } else if (statement instanceof Statement.Generation g) {
            return run(g.body(), scope.inner(), out);
        } else if (statement instanceof Statement.Break) {
            return Flow.BREAK;
        } else if (statement instanceof Statement.Continue) {
            return Flow.CONTINUE;
        }
        return Flow.NEXT;
    }

    private Flow loop(Statement.For f, Value iterable, Scope scope, int depth, Output out) {
        List<Value> items = new ArrayList<>();
        for (Value item : Types.items(iterable, sandbox)) {
            if (f.condition().isPresent()) {
                Scope candidate = scope.inner();
                assign(f.target(), item, candidate);
                if (!evaluator.isTrue(f.condition().get(), candidate)) {
                    continue;
                }
            }
            items.add(item);
        }
        Loop loop = new Loop(items, depth, arguments -> recursion(f, arguments, scope, depth));
        for (; loop.index < items.size(); loop.index++) {
            sandbox.step();
            Scope inner = scope.inner();
            inner.set("loop", loop);
            assign(f.target(), items.get(loop.index), inner);
            if (run(f.body(), inner, out) == Flow.BREAK) {
                return Flow.NEXT;
            }
        }
        return items.isEmpty() ? run(f.otherwise(), scope.inner(), out) : Flow.NEXT;
    }

    private Value recursion(Statement.For f, Arguments arguments, Scope scope, int depth) {
        if (!f.recursive()) {
            throw TemplateException.of("loop() wants a for with 'recursive'");
        }
        Output out = new Output(sandbox);
        Value items = evaluator.used(arguments.bind("loop", "iterable").get(0));
        loop(f, items, scope, depth + 1, out);
        return Value.of(out.toString());
    }

    private Flow with(Statement.With w, Scope scope, Output out) {
        Scope inner = scope.inner();
        for (Map.Entry<Target, Expression> entry : w.values()) {
            assign(entry.getKey(), evaluator.value(entry.getValue(), scope), inner);
        }
        return run(w.body(), inner, out);
    }

    private void assign(Target target, Value value, Scope scope) {
        if (target instanceof Statement.NameTarget n) {
            scope.set(n.name(), value);
        } else if (target instanceof Statement.AttributeTarget a) {
            if (!(Types.defined(scope.get(a.namespace())) instanceof Namespace namespace)) {
                throw TemplateException.of(
                        "'" + a.namespace() + "' is no namespace: its attributes cannot be set");
            }
            namespace.attributes.put(a.attribute(), value);
        } else if (target instanceof Statement.TupleTarget t) {
            List<Value> values = Types.items(value, sandbox);
            if (values.size() != t.targets().size()) {
                throw TemplateException.of(
                        values.size()
                                + " values cannot be assigned to "
                                + t.targets().size()
                                + " names");
            }
            for (int i = 0; i < values.size(); i++) {
                assign(t.targets().get(i), values.get(i), scope);
            }
        }
    }

    private Value function(Macro macro, Scope definedIn) {
        return new Function("Macro", macro.name(), a -> call(macro, a, definedIn));
    }

    private Value call(Macro macro, Arguments arguments, Scope definedIn) {
        sandbox.enter();
        List<String> parameters = macro.parameters();
        Scope scope = definedIn.inner();
        Set<String> taken = new HashSet<>();
        int firstDefault = parameters.size() - macro.defaults().size();
        for (int i = 0; i < parameters.size(); i++) {
            String name = parameters.get(i);
            if (i < arguments.positional().size()) {
                scope.set(name, arguments.positional().get(i));
            } else if (arguments.named().containsKey(name)) {
                scope.set(name, arguments.named().get(name));
                taken.add(name);
            } else if (i >= firstDefault) {
                scope.set(name, evaluator.value(macro.defaults().get(i - firstDefault), scope));
            } else {
                scope.set(name, new Undefined("parameter '" + name + "' was not provided"));
            }
        }
        rest(macro, arguments, taken, scope);
        String text = captured(macro.body(), scope);
        sandbox.leave();
        return Value.of(text);
    }

    /**
     * Sets varargs, kwargs and caller, if the macro uses them, to the arguments that no parameter
     * took.
     */
    private static void rest(Macro macro, Arguments arguments, Set<String> taken, Scope scope) {
        Map<String, Value> named = new LinkedHashMap<>(arguments.named());
        named.keySet().removeAll(taken);
        if (macro.uses("caller") && !macro.parameters().contains("caller")) {
            Value caller = named.remove("caller");
            scope.set("caller", caller != null ? caller : new Undefined("no caller is defined"));
        }
        if (macro.uses("kwargs")) {
            Dict kwargs = new Dict();
            named.forEach(kwargs::put);
            scope.set("kwargs", kwargs);
        } else if (!named.isEmpty()) {
            throw TemplateException.of(
                    "macro '"
                            + macro.name()
                            + "' takes no keyword argument '"
                            + named.keySet().iterator().next()
                            + "'");
        }
        int count = macro.parameters().size();
        if (macro.uses("varargs")) {
            scope.set("varargs", new Seq(Kind.TUPLE, arguments.from(count).positional()));
        } else if (arguments.positional().size() > count) {
            throw TemplateException.of(
                    "macro '" + macro.name() + "' takes not more than " + count + " arguments");
        }
    }
}
