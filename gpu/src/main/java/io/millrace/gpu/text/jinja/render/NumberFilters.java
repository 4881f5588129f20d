package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.PythonNumbers;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;

/** Filters with numbers as results. */
final class NumberFilters {
    private NumberFilters() {}

    static void addTo(Map<String, Filter> all) {
        all.put("int", NumberFilters::integer);
        all.put("float", NumberFilters::real);
        all.put("abs", NumberFilters::absolute);
        all.put("round", NumberFilters::round);
    }

    private static Value integer(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("int", "default", "base");
        Types.defined(input);
        if (input instanceof Str s) {
            evaluator.sandbox().scan(s.text().length());
            return PythonNumbers.integer(s.text(), bound.integer(1, 10))
                    .<Value>map(Int::new)
                    .or(
                            () ->
                                    PythonNumbers.real(s.text())
                                            .filter(Double::isFinite)
                                            .map(d -> new Int(PythonNumbers.truncated(d))))
                    .orElseGet(() -> bound.or(0, Value.of(0)));
        } else if (input instanceof Real r && !Double.isNaN(r.number())) {
            return new Int(PythonNumbers.truncated(r.number()));
        }
        return Types.isWhole(input)
                ? new Int(Types.integer(input, "it"))
                : bound.or(0, Value.of(0));
    }

    private static Value real(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("float", "default");
        Types.defined(input);
        if (input instanceof Str s) {
            evaluator.sandbox().scan(s.text().length());
            return PythonNumbers.real(s.text())
                    .<Value>map(Real::new)
                    .orElseGet(() -> bound.or(0, new Real(0)));
        } else if (input instanceof Real) {
            return input;
        }
        return Types.isWhole(input)
                ? new Real(PythonNumbers.real(Types.integer(input, "it")))
                : bound.or(0, new Real(0));
    }

    private static Value absolute(Value input, Arguments arguments, Evaluator evaluator) {
        arguments.bind("abs");
        Types.defined(input);
        return input instanceof Real r
                ? new Real(Math.abs(r.number()))
                : new Int(Types.integer(input, "the input of abs").abs());
    }

    private static Value round(Value input, Arguments arguments, Evaluator evaluator) {
        Arguments.Bound bound = arguments.bind("round", "precision", "method");
        int digits = bound.integer(0, 0);
        String method = bound.has(1) ? bound.text(1) : "common";
        Types.defined(input);
        if (method.equals("ceil") || method.equals("floor")) {
            Value power = evaluator.operators().binary("**", Value.of(10), Value.of(digits));
            Value scaled = evaluator.operators().binary("*", input, power);
            BigInteger whole = whole(scaled, method);
            return evaluator.operators().binary("/", new Int(whole), power);
        } else if (!method.equals("common")) {
            throw TemplateException.of("round knows the methods common, ceil and floor");
        }
        if (input instanceof Real r) {
            return new Real(PythonNumbers.round(r.number(), digits));
        }
        BigInteger number = Types.integer(input, "the input of round");
        if (digits >= 0) {
            return new Int(number);
        }
        return new Int(
                digits < -2000
                        ? BigInteger.ZERO
                        : new BigDecimal(number)
                                .setScale(digits, RoundingMode.HALF_EVEN)
                                .toBigInteger());
    }

    private static BigInteger whole(Value number, String method) {
        if (!(number instanceof Real r)) {
            return Types.integer(number, "the input of round");
        }
        return PythonNumbers.truncated(
                method.equals("ceil") ? Math.ceil(r.number()) : Math.floor(r.number()));
    }
}
