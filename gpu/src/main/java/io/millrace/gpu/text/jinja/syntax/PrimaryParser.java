package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.syntax.Expression.ArgumentList;
import io.millrace.gpu.text.jinja.syntax.Token.Kind;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Value;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reads primary expressions: a literal, a name or an expression in brackets, with its subscripts,
 * calls, filters and tests.
 */
final class PrimaryParser {
    private static final int LONGEST_NUMBER = 1000;

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private Set<String> names = new HashSet<>();

    /**
     * @param expressions reads those inside of brackets
     */
    PrimaryParser(TokenStream tokens, ExpressionParser expressions) {
        this.tokens = tokens;
        this.expressions = expressions;
    }

    /** Starts a new set of the names seen; returns the old one, to be restored. */
    Set<String> swapNames(Set<String> fresh) {
        Set<String> old = names;
        names = fresh;
        return old;
    }

    /** A literal, a name, or an expression in brackets. */
    Expression primary() {
        Token token = tokens.current();
        switch (token.kind()) {
            case NAME:
                tokens.take();
                return name(token);
            case STRING:
                StringBuilder text = new StringBuilder();
                while (tokens.current().kind() == Kind.STRING) {
                    text.append(tokens.take().text());
                }
                return new Expression.Constant(token.line(), Value.of(text.toString()));
            case INTEGER:
                tokens.take();
                if (token.text().length() > LONGEST_NUMBER) {
                    throw TemplateException.at(token.line(), "a number is too long");
                }
                return new Expression.Constant(
                        token.line(), new Value.Int(new BigInteger(token.text())));
            case FLOAT:
                tokens.take();
                return new Expression.Constant(
                        token.line(), new Value.Real(Double.parseDouble(token.text())));
            default:
                return bracketed(token);
        }
    }

    private Expression bracketed(Token token) {
        if (token.isOperator("[")) {
            return list();
        } else if (token.isOperator("{")) {
            return dict();
        } else if (tokens.skipOperator("(")) {
            Expression inner = expressions.parenthesized();
            tokens.expectOperator(")");
            return inner;
        }
        throw tokens.unexpected("an expression");
    }

    private Expression name(Token token) {
        switch (token.text()) {
            case "true", "True":
                return new Expression.Constant(token.line(), Value.TRUE);
            case "false", "False":
                return new Expression.Constant(token.line(), Value.FALSE);
            case "none", "None":
                return new Expression.Constant(token.line(), Value.None.NONE);
            default:
                names.add(token.text());
                return new Expression.Name(token.line(), token.text());
        }
    }

    private Expression list() {
        int line = tokens.take().line();
        List<Expression> items = new ArrayList<>();
        while (!tokens.current().isOperator("]")) {
            items.add(expressions.expression());
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("]");
        return new Expression.ListOf(line, items);
    }

    private Expression dict() {
        int line = tokens.take().line();
        List<Map.Entry<Expression, Expression>> entries = new ArrayList<>();
        while (!tokens.current().isOperator("}")) {
            Expression key = expressions.expression();
            tokens.expectOperator(":");
            entries.add(Map.entry(key, expressions.expression()));
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("}");
        return new Expression.DictOf(line, entries);
    }

    /** An expression with its subscripts and calls. */
    Expression postfix(Expression start) {
        Expression result = start;
        while (true) {
            Token token = tokens.current();
            if (token.isOperator(".")) {
                tokens.take();
                result = attribute(result, token.line());
            } else if (token.isOperator("[")) {
                tokens.take();
                result = subscript(result, token.line());
            } else if (token.isOperator("(")) {
                result = new Expression.Call(token.line(), result, arguments());
            } else {
                return result;
            }
        }
    }

    private Expression attribute(Expression of, int line) {
        Token name = tokens.take();
        if (name.kind() == Kind.NAME) {
            return new Expression.Attribute(line, of, name.text());
        } else if (name.kind() == Kind.INTEGER && name.text().length() <= LONGEST_NUMBER) {
            Value index = new Value.Int(new BigInteger(name.text()));
            return new Expression.Element(line, of, new Expression.Constant(line, index));
        }
        throw TemplateException.at(line, "expected a name or a number after '.', found " + name);
    }

    private Expression subscript(Expression of, int line) {
        Optional<Expression> start = sliceBound();
        if (!tokens.current().isOperator(":")) {
            if (start.isEmpty()) {
                throw tokens.unexpected("an index");
            }
            Expression index = start.get();
            if (tokens.current().isOperator(",")) {
                List<Expression> parts = new ArrayList<>(List.of(index));
                while (tokens.skipOperator(",")) {
                    parts.add(expressions.expression());
                }
                index = new Expression.TupleOf(line, parts);
            }
            tokens.expectOperator("]");
            return new Expression.Element(line, of, index);
        }
        tokens.take();
        Optional<Expression> stop = sliceBound();
        Optional<Expression> step = tokens.skipOperator(":") ? sliceBound() : Optional.empty();
        tokens.expectOperator("]");
        return new Expression.Slice(line, of, start, stop, step);
    }

    private Optional<Expression> sliceBound() {
        boolean none = tokens.current().isOperator(":") || tokens.current().isOperator("]");
        return none ? Optional.empty() : Optional.of(expressions.expression());
    }

    /** An expression with its filters, tests and calls. */
    Expression filtersAndTests(Expression start) {
        Expression result = start;
        while (true) {
            Token token = tokens.current();
            if (token.isOperator("|")) {
                tokens.take();
                result = filter(result);
            } else if (token.isName("is")) {
                tokens.take();
                result = test(result, token.line());
            } else if (token.isOperator("(")) {
                result = new Expression.Call(token.line(), result, arguments());
            } else {
                return result;
            }
        }
    }

    /** A filter's name and arguments, after the bar. */
    Expression filter(Expression input) {
        Token name = tokens.expect(Kind.NAME, "the name of a filter");
        return new Expression.Filter(name.line(), input, name.text(), optionalArguments());
    }

    private ArgumentList optionalArguments() {
        return tokens.current().isOperator("(") ? arguments() : ArgumentList.NONE;
    }

    private Expression test(Expression input, int line) {
        boolean negated = tokens.skipName("not");
        String name = tokens.expect(Kind.NAME, "the name of a test").text();
        ArgumentList arguments = ArgumentList.NONE;
        Token next = tokens.current();
        if (next.isOperator("(")) {
            arguments = arguments();
        } else if (isTestArgument(next)) {
            if (next.isName("is")) {
                throw tokens.problem("tests with 'is' cannot be chained");
            }
            arguments =
                    new ArgumentList(
                            List.of(postfix(primary())),
                            List.of(),
                            Optional.empty(),
                            Optional.empty());
        }
        Expression test = new Expression.Test(line, input, name, arguments);
        return negated ? new Expression.Not(line, test) : test;
    }

    private static boolean isTestArgument(Token token) {
        return switch (token.kind()) {
            case NAME -> !Set.of("else", "or", "and").contains(token.text());
            case STRING, INTEGER, FLOAT -> true;
            default -> token.isOperator("[") || token.isOperator("{");
        };
    }

    private ArgumentList arguments() {
        int line = tokens.line();
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        List<Map.Entry<String, Expression>> named = new ArrayList<>();
        Optional<Expression> spread = Optional.empty();
        Optional<Expression> spreadNamed = Optional.empty();
        boolean inOrder = true;
        while (!tokens.current().isOperator(")")) {
            if (tokens.skipOperator("*")) {
                inOrder &= spread.isEmpty() && spreadNamed.isEmpty();
                spread = Optional.of(expressions.expression());
            } else if (tokens.skipOperator("**")) {
                inOrder &= spreadNamed.isEmpty();
                spreadNamed = Optional.of(expressions.expression());
            } else if (tokens.current().kind() == Kind.NAME && tokens.following().isOperator("=")) {
                inOrder &= spreadNamed.isEmpty();
                String name = tokens.take().text();
                tokens.take();
                named.add(Map.entry(name, expressions.expression()));
            } else {
                inOrder &= spread.isEmpty() && spreadNamed.isEmpty() && named.isEmpty();
                positional.add(expressions.expression());
            }
            if (!inOrder) {
                throw TemplateException.at(line, "the arguments of a call are out of order");
            }
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator(")");
        return new ArgumentList(positional, named, spread, spreadNamed);
    }
}
