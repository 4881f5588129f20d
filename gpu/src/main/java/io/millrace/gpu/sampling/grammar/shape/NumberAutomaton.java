package io.millrace.gpu.sampling.grammar.shape;

import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.automaton.DfaBuilder;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Builds the automaton of the JSON texts of a {@link NumberShape}. It compares digit by digit with
 * the bounds and counts remainders, so that numbers are accepted by value. With bounds other than 0
 * or with factors, numbers have no exponent.
 */
public final class NumberAutomaton {
    private static final int MAX_FACTOR = 10_000;
    private static final int MAX_SCALE = 9;

    /** Steps per state, with its transitions. */
    private static final int STATE_STEPS = 300;

    private enum Phase {
        START,
        SIGN,
        ZERO,
        DIGITS,
        POINT,
        FRACTION,
        E,
        E_SIGN,
        E_ONE_OF_TWO,
        E_ONE_OF_THREE,
        E_TWO_OF_THREE,
        E_LAST
    }

    /**
     * A summary of the characters read.
     *
     * @param digits digits before the point, at most one more than the bounds have
     * @param fraction digits after the point, at most one more than the bounds have
     * @param low the digits compared with the lower bound's: -1, 0 or 1
     * @param high the digits compared with the upper bound's: -1, 0 or 1
     * @param remainders one per factor; -1 if a multiple is no longer possible
     */
    private record State(
            Phase phase,
            boolean negative,
            int digits,
            int fraction,
            int low,
            int high,
            List<Integer> remainders) {}

    /** The magnitude of a bound. */
    private record Bound(String digits, String fraction, boolean open) {}

    /**
     * @param value the factor times {@code 10^scale}
     */
    private record Factor(int value, int scale, boolean negated) {}

    private final NumberShape shape;
    private final Budget budget;
    private final int limit;
    private final Bound lowerOfPositive;
    private final Bound lowerOfNegative;
    private final Bound upperOfPositive;
    private final Bound upperOfNegative;
    private final List<Factor> factors = new ArrayList<>();
    private final boolean exponents;
    private final int mostFraction;
    private final int countedFraction;
    private final int countedDigits;
    private final Map<State, Integer> numbers = new HashMap<>();
    private final List<State> states = new ArrayList<>();

    private NumberAutomaton(NumberShape shape, Budget budget) {
        this.shape = shape;
        this.budget = budget;
        this.limit = budget.states();
        shape.multiplesOf().forEach(factor -> factors.add(factor(factor, false)));
        shape.noMultiplesOf().forEach(factor -> factors.add(factor(factor, true)));
        exponents = factors.isEmpty() && isZeroOrNone(shape.low()) && isZeroOrNone(shape.high());
        boolean integers = factors.stream().anyMatch(f -> f.scale == 0 && !f.negated);
        int scale = factors.stream().mapToInt(Factor::scale).max().orElse(0);
        scale = Math.max(scale, Math.max(scale(shape.low()), scale(shape.high())));
        boolean one = shape.low() != null && shape.low().equals(shape.high());
        if (integers) {
            mostFraction = shape.plain() ? 0 : 1;
        } else {
            mostFraction = one ? scale + 1 : Integer.MAX_VALUE;
        }
        countedFraction = Math.min(mostFraction, scale + 1);
        countedDigits = Math.max(length(shape.low()), length(shape.high())) + 1;
        lowerOfPositive = least(shape, false);
        lowerOfNegative = least(shape, true);
        upperOfPositive = largest(shape, false);
        upperOfNegative = largest(shape, true);
    }

    /**
     * The texts of the numbers of a shape.
     *
     * @throws AutomatonTooLargeException a factor or bound is too large for the budget
     */
    public static CharDfa of(NumberShape shape, Budget budget) {
        return new NumberAutomaton(shape, budget).build();
    }

    /** Whether a factor has few enough remainders to be counted, at least for integers. */
    public static boolean isSupported(BigDecimal factor) {
        int scale = Math.max(0, factor.scale());
        BigInteger value = factor.movePointRight(scale).toBigIntegerExact();
        BigInteger ofIntegers = value.divide(value.gcd(BigInteger.TEN.pow(scale)));
        return value.bitLength() <= 31
                && scale <= MAX_SCALE
                && ofIntegers.compareTo(BigInteger.valueOf(MAX_FACTOR)) <= 0;
    }

    private Factor factor(BigDecimal factor, boolean negated) {
        int scale = Math.max(0, factor.scale());
        BigInteger value = factor.movePointRight(scale).toBigIntegerExact();
        if (!isSupported(factor)) {
            throw new AutomatonTooLargeException(limit);
        }
        boolean beside = shape.multiplesOf().contains(BigDecimal.ONE);
        if (beside && scale > 0) {
            // An integer that is a multiple of v / 10^s is a multiple of v / gcd(v, 10^s).
            value = value.divide(value.gcd(BigInteger.TEN.pow(scale)));
            scale = 0;
        }
        if (value.intValueExact() > MAX_FACTOR) {
            throw new AutomatonTooLargeException(limit);
        }
        return new Factor(value.intValueExact(), scale, negated);
    }

    private static boolean isZeroOrNone(BigDecimal bound) {
        return bound == null || bound.signum() == 0;
    }

    private static int scale(BigDecimal bound) {
        return bound == null ? 0 : Math.max(0, bound.scale());
    }

    private int length(BigDecimal bound) {
        if (bound == null) {
            return 1;
        }
        if (Math.abs((long) bound.precision() - bound.scale()) > NumberShape.MAX_DIGITS
                || Math.abs((long) bound.scale()) > NumberShape.MAX_DIGITS) {
            throw new AutomatonTooLargeException(limit);
        }
        return bound.abs().toBigInteger().toString().length();
    }

    private CharDfa build() {
        DfaBuilder rows = new DfaBuilder(32);
        number(new State(Phase.START, false, 0, 0, 0, 0, noRemainders()));
        for (int i = 0; i < states.size(); i++) {
            State state = states.get(i);
            budget.spend(STATE_STEPS);
            for (char c : "+-.0123456789Ee".toCharArray()) {
                State next = next(state, c);
                if (next != null) {
                    rows.add(c, c, number(next));
                }
            }
            rows.end(accepts(state));
        }
        return rows.build(budget);
    }

    private List<Integer> noRemainders() {
        return factors.stream().map(f -> 0).toList();
    }

    private int number(State state) {
        Integer known = numbers.putIfAbsent(state, states.size());
        if (known != null) {
            return known;
        }
        if (states.size() >= limit) {
            throw new AutomatonTooLargeException(limit);
        }
        states.add(state);
        return states.size() - 1;
    }

    private State next(State s, char c) {
        boolean digit = c >= '0' && c <= '9';
        return switch (s.phase) {
            case START ->
                    c == '-'
                            ? new State(Phase.SIGN, true, 0, 0, 0, 0, s.remainders)
                            : digit ? digit(s, c) : null;
            case SIGN -> digit ? digit(s, c) : null;
            case ZERO, DIGITS -> {
                if (digit) {
                    yield s.phase == Phase.DIGITS ? digit(s, c) : null;
                }
                yield c == '.' && mostFraction > 0 ? point(s) : exponent(s, c);
            }
            case POINT, FRACTION -> {
                if (digit) {
                    yield s.fraction < mostFraction ? fraction(s, c) : null;
                }
                yield s.phase == Phase.FRACTION ? exponent(s, c) : null;
            }
            case E -> c == '+' || c == '-' ? at(s, Phase.E_SIGN) : digit ? first(s, c) : null;
            case E_SIGN -> digit ? first(s, c) : null;
            case E_ONE_OF_TWO -> digit ? at(s, Phase.E_LAST) : null;
            case E_ONE_OF_THREE -> digit ? at(s, Phase.E_TWO_OF_THREE) : null;
            case E_TWO_OF_THREE -> digit ? at(s, Phase.E_LAST) : null;
            case E_LAST -> null;
        };
    }

    private static State at(State s, Phase phase) {
        return new State(phase, s.negative, s.digits, s.fraction, s.low, s.high, s.remainders);
    }

    /** The first digit of an exponent. After 1 or 2 there may be three digits: all doubles fit. */
    private static State first(State s, char c) {
        return at(s, c == '1' || c == '2' ? Phase.E_ONE_OF_THREE : Phase.E_ONE_OF_TWO);
    }

    private State exponent(State s, char c) {
        boolean possible = exponents && (c == 'e' || c == 'E') && accepts(s);
        return possible ? at(s, Phase.E) : null;
    }

    private State digit(State s, char c) {
        Phase phase = s.digits == 0 && c == '0' ? Phase.ZERO : Phase.DIGITS;
        int low = compare(s.low, lower(s.negative), s.digits, c);
        int high = compare(s.high, upper(s.negative), s.digits, c);
        int digits = Math.min(s.digits + 1, countedDigits);
        return new State(phase, s.negative, digits, 0, low, high, remainders(s, c, 0));
    }

    private static int compare(int before, Bound bound, int at, char c) {
        return before != 0 || bound == null || at >= bound.digits.length()
                ? before
                : Integer.compare(c, bound.digits.charAt(at));
    }

    /** Compares the integer parts: first by the number of digits. */
    private State point(State s) {
        return new State(
                Phase.POINT,
                s.negative,
                0,
                0,
                whole(s.low, lower(s.negative), s),
                whole(s.high, upper(s.negative), s),
                s.remainders);
    }

    private static int whole(int order, Bound bound, State s) {
        if (bound == null || s.phase == Phase.POINT || s.phase == Phase.FRACTION) {
            return order;
        }
        int lengths = Integer.compare(s.digits, bound.digits.length());
        return lengths != 0 ? lengths : order;
    }

    private State fraction(State s, char c) {
        return new State(
                Phase.FRACTION,
                s.negative,
                0,
                Math.min(s.fraction + 1, countedFraction),
                compareFraction(s.low, lower(s.negative), s.fraction, c),
                compareFraction(s.high, upper(s.negative), s.fraction, c),
                remainders(s, c, s.fraction + 1));
    }

    private static int compareFraction(int before, Bound bound, int at, char c) {
        if (before != 0 || bound == null) {
            return before;
        }
        return Integer.compare(c, at < bound.fraction.length() ? bound.fraction.charAt(at) : '0');
    }

    /**
     * @param fraction position of the digit after the point, from 1; 0 for a digit before it
     */
    private List<Integer> remainders(State s, char c, int fraction) {
        List<Integer> next = new ArrayList<>(factors.size());
        for (int i = 0; i < factors.size(); i++) {
            Factor factor = factors.get(i);
            int before = s.remainders.get(i);
            if (before < 0 || fraction > factor.scale) {
                next.add(c == '0' ? before : -1);
            } else {
                next.add((int) ((before * 10L + c - '0') % factor.value));
            }
        }
        return List.copyOf(next);
    }

    private boolean accepts(State s) {
        switch (s.phase) {
            case START, SIGN, POINT, E, E_SIGN:
                return false;
            case ZERO, DIGITS, FRACTION:
                break;
            default:
                return true; // The part before the exponent was accepted.
        }
        Bound lower = lower(s.negative);
        Bound upper = upper(s.negative);
        if (isNothing(s.negative)) {
            return false;
        }
        if (lower != null) {
            int order = end(whole(s.low, lower, s), lower, s.fraction);
            if (order < 0 || order == 0 && lower.open) {
                return false;
            }
        }
        if (upper != null) {
            int order = end(whole(s.high, upper, s), upper, s.fraction);
            if (order > 0 || order == 0 && upper.open) {
                return false;
            }
        }
        return fitsFactors(s);
    }

    private boolean fitsFactors(State s) {
        for (int i = 0; i < factors.size(); i++) {
            Factor factor = factors.get(i);
            long rest = s.remainders.get(i);
            for (int k = s.fraction; k < factor.scale && rest >= 0; k++) {
                rest = rest * 10 % factor.value;
            }
            if (rest == 0 == factor.negated) {
                return false;
            }
        }
        return true;
    }

    private static int end(int order, Bound bound, int fraction) {
        return order == 0 && fraction < bound.fraction.length() ? -1 : order;
    }

    /** Whether the bounds leave no number of this sign. */
    private boolean isNothing(boolean negative) {
        BigDecimal most = negative ? shape.low() : shape.high();
        return most != null && (negative ? most.signum() > 0 : most.signum() < 0);
    }

    private Bound lower(boolean negative) {
        return negative ? lowerOfNegative : lowerOfPositive;
    }

    private Bound upper(boolean negative) {
        return negative ? upperOfNegative : upperOfPositive;
    }

    /** The minimum magnitude; null if there is none. */
    private static Bound least(NumberShape shape, boolean negative) {
        BigDecimal bound = negative ? shape.high() : shape.low();
        boolean open = negative ? shape.highOpen() : shape.lowOpen();
        if (bound == null || (negative ? bound.signum() > 0 : bound.signum() < 0)) {
            return null;
        }
        return bound(bound, open);
    }

    /** The maximum magnitude; null if there is none. */
    private static Bound largest(NumberShape shape, boolean negative) {
        BigDecimal bound = negative ? shape.low() : shape.high();
        boolean open = negative ? shape.lowOpen() : shape.highOpen();
        return bound == null ? null : bound(bound, open);
    }

    private static Bound bound(BigDecimal bound, boolean open) {
        String text = bound.abs().toPlainString();
        int point = text.indexOf('.');
        return point < 0
                ? new Bound(text, "", open)
                : new Bound(text.substring(0, point), text.substring(point + 1), open);
    }
}
