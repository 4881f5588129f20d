package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.syntax.Statement.Macro;
import io.millrace.gpu.text.jinja.syntax.Statement.Target;
import io.millrace.gpu.text.jinja.syntax.Token.Kind;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads the statements of a template. */
public final class Parser {
    private static final Set<String> RESERVED =
            Set.of("true", "false", "none", "True", "False", "None");
    private static final int DEEPEST = 60;

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private int depth;
    private int loops;

    private Parser(List<Token> tokens) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    public static List<Statement> parse(String source) {
        Parser parser = new Parser(Lexer.tokens(source));
        return parser.statements(Optional.empty());
    }

    /** A tag that was opened, and the tags that may end its body. */
    private record Opened(int line, String tag, List<String> ends) {
        String last() {
            return ends.get(ends.size() - 1);
        }
    }

    /** Statements up to one of the given tags, whose name is then the current token. */
    private List<Statement> statements(Optional<Opened> opened) {
        if (++depth > DEEPEST) {
            throw tokens.problem("blocks are nested more than " + DEEPEST + " deep");
        }
        List<Statement> body = new ArrayList<>();
        while (true) {
            Token token = tokens.take();
            switch (token.kind()) {
                case DATA -> body.add(new Statement.Text(token.line(), token.text()));
                case PRINT_BEGIN -> {
                    body.add(new Statement.Print(token.line(), expressions.tuple(true)));
                    tokens.expect(Kind.PRINT_END, "'}}'");
                }
                case BLOCK_BEGIN -> {
                    Token name = tokens.current();
                    if (opened.isPresent()
                            && name.kind() == Kind.NAME
                            && opened.get().ends().contains(name.text())) {
                        depth--;
                        return body;
                    }
                    body.add(statement());
                    tokens.expect(Kind.BLOCK_END, "'%}'");
                }
                default -> {
                    if (opened.isPresent()) {
                        Opened tag = opened.get();
                        throw TemplateException.at(
                                tag.line(),
                                "'" + tag.tag() + "' is not closed by '" + tag.last() + "'");
                    }
                    depth--;
                    return body;
                }
            }
        }
    }

    /** The body of a tag whose opening is read up to its '%}'. */
    private List<Statement> body(Token tag, String... ends) {
        tokens.expect(Kind.BLOCK_END, "'%}'");
        return statements(Optional.of(new Opened(tag.line(), tag.text(), Arrays.asList(ends))));
    }

    /** As {@link #body}, with the end tag as the only end, which is read too. */
    private List<Statement> wholeBody(Token tag) {
        String end = "end" + tag.text();
        List<Statement> body = body(tag, end);
        tokens.expectName(end);
        return body;
    }

    private Statement statement() {
        Token tag = tokens.expect(Kind.NAME, "the name of a tag");
        int line = tag.line();
        return switch (tag.text()) {
            case "if" -> branches(tag);
            case "for" -> loop(tag);
            case "set" -> assignment(tag);
            case "with" -> with(tag);
            case "macro" -> macro(tag);
            case "call" -> callBlock(tag);
            case "filter" -> filterBlock(tag);
            case "generation" -> {
                int outside = loops;
                loops = 0;
                Statement block = new Statement.Generation(line, wholeBody(tag));
                loops = outside;
                yield block;
            }
            case "break" -> {
                requireLoop(tag);
                yield new Statement.Break(line);
            }
            case "continue" -> {
                requireLoop(tag);
                yield new Statement.Continue(line);
            }
            case "include",
                    "import",
                    "from",
                    "extends",
                    "block",
                    "autoescape",
                    "do",
                    "trans",
                    "print",
                    "debug" ->
                    throw TemplateException.at(
                            line, "the tag '" + tag.text() + "' is not supported");
            default -> throw TemplateException.at(line, "unknown tag '" + tag.text() + "'");
        };
    }

    private void requireLoop(Token tag) {
        if (loops == 0) {
            throw TemplateException.at(tag.line(), "'" + tag.text() + "' stands outside a loop");
        }
    }

    private Statement branches(Token tag) {
        List<Statement.Branch> branches = new ArrayList<>();
        Token part = tag;
        while (!part.text().equals("endif")) {
            Expression condition =
                    part.text().equals("else")
                            ? new Expression.Constant(part.line(), Value.TRUE)
                            : expressions.tuple(false);
            String[] ends =
                    part.text().equals("else")
                            ? new String[] {"endif"}
                            : new String[] {"elif", "else", "endif"};
            branches.add(new Statement.Branch(condition, body(tag, ends)));
            part = tokens.take();
        }
        return new Statement.If(tag.line(), branches);
    }

    private Statement loop(Token tag) {
        Target target = target(false);
        tokens.expectName("in");
        Expression iterable = expressions.tuple(false);
        Optional<Expression> condition =
                tokens.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
        boolean recursive = tokens.skipName("recursive");
        loops++;
        List<Statement> body = body(tag, "else", "endfor");
        loops--;
        List<Statement> otherwise = List.of();
        if (tokens.take().text().equals("else")) {
            otherwise = body(tag, "endfor");
            tokens.take();
        }
        return new Statement.For(
                tag.line(), target, iterable, condition, recursive, body, otherwise);
    }

    private Statement assignment(Token tag) {
        Target target = target(true);
        if (tokens.skipOperator("=")) {
            return new Statement.Assign(tag.line(), target, expressions.tuple(true));
        }
        // The filters come before the body and are applied to it afterwards.
        List<Expression.Filter> filters = new ArrayList<>();
        Expression placeholder = new Expression.Constant(tag.line(), Value.None.NONE);
        while (tokens.skipOperator("|")) {
            filters.add((Expression.Filter) expressions.filter(placeholder));
        }
        return new Statement.Assign(
                tag.line(), target, around(filters, tag, wholeBodyOutsideLoop(tag)));
    }

    private Statement filterBlock(Token tag) {
        List<Expression.Filter> filters = new ArrayList<>();
        Expression placeholder = new Expression.Constant(tag.line(), Value.None.NONE);
        do {
            filters.add((Expression.Filter) expressions.filter(placeholder));
        } while (tokens.skipOperator("|"));
        return new Statement.Print(tag.line(), around(filters, tag, wholeBodyOutsideLoop(tag)));
    }

    private static Expression around(
            List<Expression.Filter> filters, Token tag, List<Statement> body) {
        Expression value = new Expression.Captured(tag.line(), body);
        for (Expression.Filter filter : filters) {
            value = new Expression.Filter(filter.line(), value, filter.name(), filter.arguments());
        }
        return value;
    }

    /** A captured body, which cannot leave the loop around it. */
    private List<Statement> wholeBodyOutsideLoop(Token tag) {
        int outside = loops;
        loops = 0;
        List<Statement> body = wholeBody(tag);
        loops = outside;
        return body;
    }

    private Statement with(Token tag) {
        List<Map.Entry<Target, Expression>> values = new ArrayList<>();
        while (tokens.current().kind() != Kind.BLOCK_END) {
            Target target = target(false);
            tokens.expectOperator("=");
            values.add(Map.entry(target, expressions.expression()));
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        return new Statement.With(tag.line(), values, wholeBody(tag));
    }

    private Statement macro(Token tag) {
        String name = name();
        return new Statement.DefineMacro(tag.line(), signatureAndBody(tag, name));
    }

    private Macro signatureAndBody(Token tag, String name) {
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        if (tag.text().equals("macro") || tokens.current().isOperator("(")) {
            tokens.expectOperator("(");
            while (!tokens.current().isOperator(")")) {
                parameters.add(name());
                if (tokens.skipOperator("=")) {
                    defaults.add(expressions.expression());
                } else if (!defaults.isEmpty()) {
                    throw tokens.problem("a parameter without a default follows one with one");
                }
                if (!tokens.skipOperator(",")) {
                    break;
                }
            }
            tokens.expectOperator(")");
        }
        if (tag.text().equals("call")) {
            return new Macro(name, parameters, defaults, List.of(), Set.of());
        }
        return macroBody(tag, name, parameters, defaults);
    }

    private Macro macroBody(
            Token tag, String name, List<String> parameters, List<Expression> defaults) {
        Set<String> used = new HashSet<>();
        Set<String> outer = expressions.swapNames(used);
        List<Statement> body = wholeBodyOutsideLoop(tag);
        expressions.swapNames(outer);
        outer.addAll(used);
        return new Macro(name, parameters, defaults, body, used);
    }

    private Statement callBlock(Token tag) {
        Macro signature = signatureAndBody(tag, "caller");
        Expression call = expressions.expression();
        if (!(call instanceof Expression.Call called)) {
            throw TemplateException.at(tag.line(), "'call' wants the call of a macro");
        }
        Macro caller = macroBody(tag, "caller", signature.parameters(), signature.defaults());
        return new Statement.CallBlock(tag.line(), called, caller);
    }

    private String name() {
        Token token = tokens.expect(Kind.NAME, "a name");
        if (RESERVED.contains(token.text())) {
            throw TemplateException.at(
                    token.line(), "'" + token.text() + "' cannot be assigned to");
        }
        return token.text();
    }

    private Target target(boolean withNamespace) {
        List<Target> targets = new ArrayList<>();
        boolean isTuple = false;
        while (!tokens.current().isOperator("=")
                && !tokens.current().isOperator(")")
                && !tokens.current().isName("in")) {
            targets.add(oneTarget(withNamespace));
            if (!tokens.skipOperator(",")) {
                break;
            }
            isTuple = true;
        }
        if (targets.isEmpty()) {
            throw tokens.unexpected("a name");
        }
        return isTuple ? new Statement.TupleTarget(targets) : targets.get(0);
    }

    private Target oneTarget(boolean withNamespace) {
        if (tokens.skipOperator("(")) {
            if (++depth > DEEPEST) {
                throw tokens.problem("names are nested more than " + DEEPEST + " deep");
            }
            Target inner = target(false);
            depth--;
            tokens.expectOperator(")");
            return inner;
        }
        String name = name();
        if (withNamespace && tokens.skipOperator(".")) {
            return new Statement.AttributeTarget(name, tokens.expect(Kind.NAME, "a name").text());
        }
        return new Statement.NameTarget(name);
    }
}
