package io.millrace.gpu.text.jinja.value;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Optional;

/** Formats, parses and rounds numbers as Python does. */
public final class PythonNumbers {
    private static final int LONGEST = 1200;

    private PythonNumbers() {}

    /** Python's repr: the shortest digits that parse to the same number. */
    public static String text(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        } else if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        } else if (number == 0) {
            return 1 / number < 0 ? "-0.0" : "0.0";
        }
        BigDecimal shortest = shortest(Math.abs(number));
        String digits = shortest.unscaledValue().toString();
        int exponent = digits.length() - 1 - shortest.scale();
        digits = digits.replaceAll("0+$", "");
        String sign = number < 0 ? "-" : "";
        if (exponent < -4 || exponent >= 16) {
            String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
            String power = (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
            return sign + digits.charAt(0) + fraction + "e" + (exponent < 0 ? "-" : "+") + power;
        } else if (exponent < 0) {
            return sign + "0." + "0".repeat(-exponent - 1) + digits;
        } else if (digits.length() <= exponent + 1) {
            return sign + digits + "0".repeat(exponent + 1 - digits.length()) + ".0";
        }
        return sign + digits.substring(0, exponent + 1) + "." + digits.substring(exponent + 1);
    }

    /**
     * JDK 17 and 25 disagree on the shortest digits of some doubles, so they are computed here:
     * fewest digits first, rounded down and up; the nearer one if both parse to the number.
     */
    private static BigDecimal shortest(double number) {
        BigDecimal exact = new BigDecimal(number);
        for (int precision = 1; precision < 17; precision++) {
            BigDecimal down = exact.round(new MathContext(precision, RoundingMode.DOWN));
            BigDecimal up = exact.round(new MathContext(precision, RoundingMode.UP));
            boolean downFits = down.doubleValue() == number;
            boolean upFits = up.doubleValue() == number;
            if (downFits && upFits) {
                return exact.round(new MathContext(precision, RoundingMode.HALF_EVEN));
            } else if (downFits || upFits) {
                return downFits ? down : up;
            }
        }
        return exact.round(new MathContext(17, RoundingMode.HALF_EVEN));
    }

    /** Python's int(text, base); empty if it is no integer. */
    public static Optional<BigInteger> integer(String text, int base) {
        String digits = PythonText.strip(text, null, true, true);
        boolean negative = digits.startsWith("-");
        if (negative || digits.startsWith("+")) {
            digits = digits.substring(1);
        }
        int radix = base;
        String prefix = digits.length() > 2 ? PythonText.lower(digits.substring(0, 2)) : "";
        int prefixed =
                switch (prefix) {
                    case "0x" -> 16;
                    case "0o" -> 8;
                    case "0b" -> 2;
                    default -> 0;
                };
        if (prefixed > 0 && (base == prefixed || base == 0)) {
            radix = prefixed;
            digits = digits.charAt(2) == '_' ? digits.substring(3) : digits.substring(2);
        }
        digits = withoutUnderscores(digits);
        if (radix < 2 || radix > 36 || digits.isEmpty() || digits.length() > LONGEST) {
            return Optional.empty();
        }
        for (int i = 0; i < digits.length(); i++) {
            if (Character.digit(digits.charAt(i), radix) < 0) {
                return Optional.empty();
            }
        }
        BigInteger number = new BigInteger(digits, radix);
        return Optional.of(negative ? number.negate() : number);
    }

    /** Python's float(text); empty if it is no number. */
    public static Optional<Double> real(String text) {
        String number = PythonText.lower(PythonText.strip(text, null, true, true));
        String unsigned =
                number.startsWith("-") || number.startsWith("+") ? number.substring(1) : number;
        double sign = number.startsWith("-") ? -1 : 1;
        switch (unsigned) {
            case "inf", "infinity":
                return Optional.of(sign * Double.POSITIVE_INFINITY);
            case "nan":
                return Optional.of(Double.NaN);
            default:
                String plain = withoutUnderscores(unsigned);
                return plain.length() <= LONGEST
                                && plain.matches("([0-9]+\\.?[0-9]*|\\.[0-9]+)(e[+-]?[0-9]+)?")
                        ? Optional.of(sign * Double.parseDouble(plain))
                        : Optional.empty();
        }
    }

    /** Removes single underscores between digits; elsewhere they make the text invalid. */
    private static String withoutUnderscores(String digits) {
        boolean misplaced = digits.startsWith("_") || digits.endsWith("_") || digits.contains("__");
        return misplaced ? "" : digits.replace("_", "");
    }

    /** Python's round(number, digits): exact, ties to even. */
    public static double round(double number, int digits) {
        if (Double.isNaN(number) || Double.isInfinite(number) || digits > 330) {
            return number;
        } else if (digits < -330) {
            return Math.copySign(0.0, number);
        }
        double rounded =
                new BigDecimal(number).setScale(digits, RoundingMode.HALF_EVEN).doubleValue();
        return rounded == 0 ? Math.copySign(0.0, number) : rounded;
    }

    public static double real(BigInteger number) {
        double result = number.doubleValue();
        if (Double.isInfinite(result)) {
            throw TemplateException.of("an integer is too large for a float");
        }
        return result;
    }

    /** Rounds towards zero, as Python's int(). */
    public static BigInteger truncated(double number) {
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            throw TemplateException.of("cannot make an integer of " + text(number));
        }
        return new BigDecimal(number).toBigInteger();
    }
}
