package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Python's operators on values. */
public final class Operators {
    private static final BigInteger EXACT_DOUBLE = BigInteger.ONE.shiftLeft(53);

    private final Sandbox sandbox;
    private final Printer printer;

    /**
     * @param printer makes the texts of a % format
     */
    public Operators(Sandbox sandbox, Printer printer) {
        this.sandbox = sandbox;
        this.printer = printer;
    }

    public Value binary(String operator, Value left, Value right) {
        if (left instanceof Str s && operator.equals("%")) {
            return new Str(new PrintfFormat(sandbox, printer).format(s.text(), right), s.safe());
        }
        Types.defined(left);
        Types.defined(right);
        if (operator.equals("+")) {
            if (left instanceof Str a && right instanceof Str b) {
                return joined(a, b);
            }
            if (left instanceof Seq a && right instanceof Seq b && areAlike(a, b)) {
                sandbox.elements((long) a.items().size() + b.items().size());
                List<Value> items = new ArrayList<>(a.items());
                items.addAll(b.items());
                return new Seq(a.kind, items);
            }
        }
        if (operator.equals("*")) {
            if (isRepeatable(left) && Types.isWhole(right)) {
                return repeated(left, Types.integer(right, "a count"));
            } else if (isRepeatable(right) && Types.isWhole(left)) {
                return repeated(right, Types.integer(left, "a count"));
            }
        }
        if (Types.isWhole(left) && Types.isWhole(right)) {
            return integers(operator, Types.integer(left, "it"), Types.integer(right, "it"));
        } else if (Types.isNumber(left) && Types.isNumber(right)) {
            return new Real(reals(operator, real(left), real(right)));
        }
        throw unsupported(operator, left, right);
    }

    private static TemplateException unsupported(String operator, Value left, Value right) {
        return TemplateException.of(
                "unsupported operands for "
                        + operator
                        + ": '"
                        + Types.name(left)
                        + "' and '"
                        + Types.name(right)
                        + "'");
    }

    private static boolean areAlike(Seq a, Seq b) {
        return a.kind == b.kind && (a.kind == Kind.LIST || a.kind == Kind.TUPLE);
    }

    private static boolean isRepeatable(Value value) {
        return value instanceof Str
                || (value instanceof Seq s && (s.kind == Kind.LIST || s.kind == Kind.TUPLE));
    }

    private Value joined(Str a, Str b) {
        boolean safe = a.safe() || b.safe();
        String left = safe && !a.safe() ? PythonText.escaped(a.text()) : a.text();
        String right = safe && !b.safe() ? PythonText.escaped(b.text()) : b.text();
        sandbox.text((long) left.length() + right.length());
        return new Str(left.concat(right), safe);
    }

    private Value repeated(Value value, BigInteger times) {
        BigInteger count = times.max(BigInteger.ZERO);
        if (value instanceof Str s) {
            BigInteger length = count.multiply(BigInteger.valueOf(s.text().length()));
            sandbox.text(length.min(BigInteger.valueOf(Long.MAX_VALUE)).longValue());
            return new Str(s.text().isEmpty() ? "" : s.text().repeat(count.intValue()), s.safe());
        }
        Seq seq = (Seq) value;
        BigInteger size = count.multiply(BigInteger.valueOf(seq.items().size()));
        sandbox.elements(size.min(BigInteger.valueOf(Long.MAX_VALUE)).longValue());
        List<Value> items = new ArrayList<>(size.intValue());
        for (int i = 0; items.size() < size.intValue(); i++) {
            items.addAll(seq.items());
        }
        return new Seq(seq.kind, items);
    }

    private Value integers(String operator, BigInteger a, BigInteger b) {
        switch (operator) {
            case "+":
                return checked(a.add(b));
            case "-":
                return checked(a.subtract(b));
            case "*":
                sandbox.integer((long) a.bitLength() + b.bitLength());
                return checked(a.multiply(b));
            case "**":
                return power(a, b);
            default:
                break;
        }
        if (b.signum() == 0) {
            throw TemplateException.of("division by zero");
        }
        BigInteger[] parts = a.divideAndRemainder(b);
        boolean below = parts[1].signum() != 0 && parts[1].signum() != b.signum();
        return switch (operator) {
            case "//" -> checked(below ? parts[0].subtract(BigInteger.ONE) : parts[0]);
            case "%" -> checked(below ? parts[1].add(b) : parts[1]);
            default -> new Real(quotient(a, b));
        };
    }

    private static double quotient(BigInteger a, BigInteger b) {
        boolean exact =
                a.abs().compareTo(EXACT_DOUBLE) <= 0 && b.abs().compareTo(EXACT_DOUBLE) <= 0;
        double result =
                exact
                        ? a.doubleValue() / b.doubleValue()
                        : new BigDecimal(a)
                                .divide(new BigDecimal(b), new MathContext(800))
                                .doubleValue();
        if (Double.isInfinite(result)) {
            throw TemplateException.of("a quotient is too large for a float");
        }
        return result;
    }

    private Value power(BigInteger base, BigInteger exponent) {
        if (exponent.signum() < 0) {
            return new Real(reals("**", PythonNumbers.real(base), PythonNumbers.real(exponent)));
        }
        if (base.bitLength() > 1 || base.signum() < 0) {
            BigInteger bits = exponent.multiply(BigInteger.valueOf(Math.max(base.bitLength(), 1)));
            sandbox.integer(bits.bitLength() > 40 ? Long.MAX_VALUE : bits.longValue());
        }
        return checked(base.pow(exponent.min(BigInteger.valueOf(1 << 20)).intValue()));
    }

    private Value checked(BigInteger number) {
        sandbox.integer(number.bitLength());
        return new Int(number);
    }

    private static double real(Value value) {
        return value instanceof Real r
                ? r.number()
                : PythonNumbers.real(Types.integer(value, "it"));
    }

    private static double reals(String operator, double a, double b) {
        switch (operator) {
            case "+":
                return a + b;
            case "-":
                return a - b;
            case "*":
                return a * b;
            case "**":
                return realPower(a, b);
            default:
                break;
        }
        if (b == 0) {
            throw TemplateException.of("division by zero");
        }
        if (operator.equals("/")) {
            return a / b;
        }
        double remainder = a % b;
        double floor = (a - remainder) / b;
        if (remainder != 0 && (remainder < 0) != (b < 0)) {
            remainder += b;
            floor -= 1;
        } else if (remainder == 0) {
            remainder = Math.copySign(0.0, b);
        }
        if (operator.equals("%")) {
            return remainder;
        }
        if (floor == 0) {
            return Math.copySign(0.0, a / b);
        }
        double whole = Math.floor(floor);
        return floor - whole > 0.5 ? whole + 1 : whole;
    }

    /** By StrictMath: Math.pow may have other bits once compiled. */
    private static double realPower(double a, double b) {
        if (a == 0 && b < 0) {
            throw TemplateException.of("0.0 cannot be raised to a negative power");
        }
        if (a == 1 || b == 0) {
            return 1;
        }
        if (a < 0 && !Double.isInfinite(a) && !Double.isInfinite(b) && b != Math.rint(b)) {
            throw TemplateException.of("complex numbers are not supported");
        }
        double result = a == -1 && Double.isInfinite(b) ? 1 : StrictMath.pow(a, b);
        if (Double.isInfinite(result) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
            throw TemplateException.of("a power is too large for a float");
        }
        return result;
    }

    public Value signed(String sign, Value value) {
        Types.defined(value);
        if (value instanceof Real r) {
            return sign.equals("-") ? new Real(-r.number()) : r;
        } else if (Types.isWhole(value)) {
            BigInteger number = Types.integer(value, "it");
            return new Int(sign.equals("-") ? number.negate() : number);
        }
        throw TemplateException.of(
                "the sign " + sign + " does not go with '" + Types.name(value) + "'");
    }

    public boolean compare(String operator, Value left, Value right) {
        return switch (operator) {
            case "==" -> equal(left, right);
            case "!=" -> !equal(left, right);
            case "in" -> contains(right, left);
            case "not in" -> !contains(right, left);
            default -> ordered(operator, left, right);
        };
    }

    private boolean ordered(String operator, Value left, Value right) {
        Types.defined(left);
        Types.defined(right);
        if (isNaN(left) || isNaN(right)) {
            if (Types.isNumber(left) && Types.isNumber(right)) {
                return false;
            }
        }
        int order = order(operator, left, right);
        return switch (operator) {
            case "<" -> order < 0;
            case "<=" -> order <= 0;
            case ">" -> order > 0;
            default -> order >= 0;
        };
    }

    private static boolean isNaN(Value value) {
        return value instanceof Real r && Double.isNaN(r.number());
    }

    /** Negative, 0 or positive, as for a comparator. */
    public int order(String operator, Value left, Value right) {
        Types.defined(left);
        Types.defined(right);
        if (Types.isNumber(left) && Types.isNumber(right)) {
            sandbox.step();
            return numericOrder(left, right);
        } else if (left instanceof Str a && right instanceof Str b) {
            sandbox.scan(Math.min(a.text().length(), b.text().length()));
            return PythonText.compare(a.text(), b.text());
        } else if (left instanceof Seq a && right instanceof Seq b && areAlike(a, b)) {
            sandbox.enter();
            List<Value> these = a.items();
            List<Value> those = b.items();
            int result = Integer.compare(these.size(), those.size());
            for (int i = 0; i < Math.min(these.size(), those.size()); i++) {
                if (!equal(these.get(i), those.get(i))) {
                    result = order(operator, these.get(i), those.get(i));
                    break;
                }
            }
            sandbox.leave();
            return result;
        }
        throw TemplateException.of(
                "'"
                        + operator
                        + "' is not supported between '"
                        + Types.name(left)
                        + "' and '"
                        + Types.name(right)
                        + "'");
    }

    private static int numericOrder(Value left, Value right) {
        if (Types.isWhole(left) && Types.isWhole(right)) {
            return Types.integer(left, "it").compareTo(Types.integer(right, "it"));
        }
        double a = bound(left);
        double b = bound(right);
        return !Double.isFinite(a) || !Double.isFinite(b)
                ? Double.compare(a, b)
                : exact(left).compareTo(exact(right));
    }

    /** The value of a float; integers of any size are between the infinities. */
    private static double bound(Value value) {
        return value instanceof Real r ? r.number() : 0;
    }

    private static BigDecimal exact(Value value) {
        return value instanceof Real r
                ? new BigDecimal(r.number())
                : new BigDecimal(Types.integer(value, "it"));
    }

    public boolean equal(Value left, Value right) {
        sandbox.step();
        if (Types.isNumber(left) && Types.isNumber(right)) {
            return !isNaN(left) && !isNaN(right) && numericOrder(left, right) == 0;
        } else if (left instanceof Str a && right instanceof Str b) {
            sandbox.scan(a.text().length() == b.text().length() ? a.text().length() : 0);
            return a.text().equals(b.text());
        } else if (left instanceof Seq a && right instanceof Seq b) {
            return a == b || (a.kind == b.kind && a.isIndexed() && equal(a.items(), b.items()));
        } else if (left instanceof Dict a && right instanceof Dict b) {
            return a == b || (a.size() == b.size() && containsAll(a, b));
        } else if (left instanceof Value.Undefined) {
            return right instanceof Value.Undefined;
        }
        return left == right;
    }

    private boolean equal(List<Value> these, List<Value> those) {
        if (these.size() != those.size()) {
            return false;
        }
        sandbox.enter();
        for (int i = 0; i < these.size(); i++) {
            if (!equal(these.get(i), those.get(i))) {
                sandbox.leave();
                return false;
            }
        }
        sandbox.leave();
        return true;
    }

    private boolean containsAll(Dict a, Dict b) {
        sandbox.enter();
        boolean all = true;
        for (Map.Entry<Value, Value> entry : a.entries()) {
            all =
                    all
                            && b.has(entry.getKey(), sandbox)
                            && equal(
                                    entry.getValue(),
                                    b.getOr(entry.getKey(), Value.None.NONE, sandbox));
        }
        sandbox.leave();
        return all;
    }

    boolean contains(Value container, Value element) {
        if (container instanceof Str s) {
            if (!(element instanceof Str part)) {
                throw TemplateException.of(
                        "'in' a string wants a string left of it, not " + Types.name(element));
            }
            sandbox.scan(s.text().length());
            return s.text().contains(part.text());
        } else if (container instanceof Dict d) {
            return d.has(element, sandbox);
        }
        for (Value item : Types.items(container, sandbox)) {
            if (item == element || equal(item, element)) {
                return true;
            }
        }
        return false;
    }
}
