package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.syntax.Token.Kind;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.util.List;

/** The tokens of a template, with a current position. */
final class TokenStream {
    private final List<Token> tokens;
    private int next;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(next);
    }

    Token following() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    int line() {
        return current().line();
    }

    /** Returns the current token and moves to the next, but never past the end. */
    Token take() {
        Token token = tokens.get(next);
        if (token.kind() != Kind.END) {
            next++;
        }
        return token;
    }

    boolean skipOperator(String operator) {
        boolean is = current().isOperator(operator);
        if (is) {
            take();
        }
        return is;
    }

    boolean skipName(String name) {
        boolean is = current().isName(name);
        if (is) {
            take();
        }
        return is;
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    Token expect(Kind kind, String what) {
        if (current().kind() != kind) {
            throw unexpected(what);
        }
        return take();
    }

    TemplateException unexpected(String expected) {
        return problem("expected " + expected + ", found " + current());
    }

    TemplateException problem(String problem) {
        return TemplateException.at(line(), problem);
    }
}
