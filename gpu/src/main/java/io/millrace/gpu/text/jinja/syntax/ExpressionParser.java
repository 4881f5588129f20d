package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.syntax.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads expressions, from the loosest binding to the tightest: inline if; or; and; not; comparison;
 * + -; ~; * / // %; **; sign; what a {@link PrimaryParser} reads.
 */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final int DEEPEST = 100;

    private final TokenStream tokens;
    private final PrimaryParser primaries;
    private int depth;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
        this.primaries = new PrimaryParser(tokens, this);
    }

    /** Starts a new set of the names seen; returns the old one, to be restored. */
    Set<String> swapNames(Set<String> fresh) {
        return primaries.swapNames(fresh);
    }

    /** A filter's name and arguments, after the bar. */
    Expression filter(Expression input) {
        return primaries.filter(input);
    }

    /** An expression, or a tuple of several with commas. */
    Expression tuple(boolean withInlineIf) {
        return tuple(withInlineIf, false);
    }

    /** The expression in parentheses. */
    Expression parenthesized() {
        return tuple(true, true);
    }

    private Expression tuple(boolean withInlineIf, boolean inParentheses) {
        int line = tokens.line();
        List<Expression> items = new ArrayList<>();
        boolean isTuple = false;
        while (!isTupleEnd()) {
            items.add(withInlineIf ? expression() : or());
            if (!tokens.skipOperator(",")) {
                break;
            }
            isTuple = true;
        }
        if (isTuple || (items.isEmpty() && inParentheses)) {
            return new Expression.TupleOf(line, items);
        }
        if (items.isEmpty()) {
            throw tokens.unexpected("an expression");
        }
        return items.get(0);
    }

    private boolean isTupleEnd() {
        Token current = tokens.current();
        return current.kind() == Kind.PRINT_END
                || current.kind() == Kind.BLOCK_END
                || current.isOperator(")");
    }

    Expression expression() {
        if (++depth > DEEPEST) {
            throw tokens.problem("expressions are nested more than " + DEEPEST + " deep");
        }
        int line = tokens.line();
        Expression result = or();
        while (tokens.skipName("if")) {
            Expression condition = or();
            Optional<Expression> otherwise =
                    tokens.skipName("else") ? Optional.of(expression()) : Optional.empty();
            result = new Expression.Conditional(line, condition, result, otherwise);
        }
        depth--;
        return result;
    }

    private Expression or() {
        Expression left = and();
        while (tokens.current().isName("or")) {
            left = new Expression.Or(tokens.take().line(), left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.current().isName("and")) {
            left = new Expression.And(tokens.take().line(), left, not());
        }
        return left;
    }

    private Expression not() {
        int line = tokens.line();
        int count = 0;
        while (tokens.skipName("not")) {
            count++;
        }
        Expression result = comparison();
        for (int i = 0; i < (count == 0 ? 0 : 2 - count % 2); i++) {
            result = new Expression.Not(line, result);
        }
        return result;
    }

    private Expression comparison() {
        int line = tokens.line();
        Expression first = sum();
        List<Expression.Operand> rest = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            if (token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) {
                tokens.take();
                rest.add(new Expression.Operand(token.text(), sum()));
            } else if (tokens.skipName("in")) {
                rest.add(new Expression.Operand("in", sum()));
            } else if (token.isName("not") && tokens.following().isName("in")) {
                tokens.take();
                tokens.take();
                rest.add(new Expression.Operand("not in", sum()));
            } else {
                return rest.isEmpty() ? first : new Expression.Comparison(line, first, rest);
            }
        }
    }

    private Expression sum() {
        Expression left = concatenation();
        while (tokens.current().isOperator("+") || tokens.current().isOperator("-")) {
            Token operator = tokens.take();
            left = new Expression.Binary(operator.line(), operator.text(), left, concatenation());
        }
        return left;
    }

    private Expression concatenation() {
        int line = tokens.line();
        Expression first = product();
        if (!tokens.current().isOperator("~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>(List.of(first));
        while (tokens.skipOperator("~")) {
            parts.add(product());
        }
        return new Expression.Concatenation(line, parts);
    }

    private Expression product() {
        Expression left = power();
        while (tokens.current().isOperator("*")
                || tokens.current().isOperator("/")
                || tokens.current().isOperator("//")
                || tokens.current().isOperator("%")) {
            Token operator = tokens.take();
            left = new Expression.Binary(operator.line(), operator.text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = signed(true);
        while (tokens.current().isOperator("**")) {
            left = new Expression.Binary(tokens.take().line(), "**", left, signed(true));
        }
        return left;
    }

    private Expression signed(boolean withFilter) {
        Expression result;
        if (tokens.current().isOperator("-") || tokens.current().isOperator("+")) {
            if (++depth > DEEPEST) {
                throw tokens.problem("signs are nested more than " + DEEPEST + " deep");
            }
            Token sign = tokens.take();
            result = new Expression.Signed(sign.line(), sign.text(), signed(false));
            depth--;
        } else {
            result = primaries.primary();
        }
        result = primaries.postfix(result);
        return withFilter ? primaries.filtersAndTests(result) : result;
    }
}
