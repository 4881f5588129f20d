package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Dict;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;

/** Python's '...' % values, for the directives s, r, d, i, x, f and %. */
final class PrintfFormat {
    private final Sandbox sandbox;
    private final Printer printer;
    private int next;

    PrintfFormat(Sandbox sandbox, Printer printer) {
        this.sandbox = sandbox;
        this.printer = printer;
    }

    String format(String pattern, Value values) {
        boolean isTuple = values instanceof Seq s && s.kind == Kind.TUPLE;
        List<Value> list = isTuple ? ((Seq) values).items() : List.of(values);
        Output out = new Output(sandbox);
        int at = 0;
        while (at < pattern.length()) {
            int percent = pattern.indexOf('%', at);
            if (percent < 0) {
                break;
            }
            out.append(pattern.substring(at, percent));
            at = directive(pattern, percent + 1, list, values, out);
        }
        out.append(pattern.substring(at));
        boolean isContainer =
                values instanceof Dict
                        || values instanceof Seq
                        || values instanceof Value.Undefined;
        if (next < list.size() && (isTuple || !isContainer)) {
            throw TemplateException.of("not all values were used by the % format");
        }
        return out.toString();
    }

    private int directive(String pattern, int from, List<Value> list, Value values, Output out) {
        int at = from;
        Value named = null;
        if (at < pattern.length() && pattern.charAt(at) == '(') {
            int close = pattern.indexOf(')', at);
            if (close < 0 || !(values instanceof Dict d)) {
                throw TemplateException.of("a % format with a name in it wants a dict");
            }
            Value name = Value.of(pattern.substring(at + 1, close));
            named = d.getOr(name, Value.None.NONE, sandbox);
            if (!d.has(name, sandbox)) {
                throw TemplateException.of("the % format finds no " + pattern.substring(at, close));
            }
            at = close + 1;
        }
        int flags = at;
        while (at < pattern.length() && "-0+ ".indexOf(pattern.charAt(at)) >= 0) {
            at++;
        }
        String flagged = pattern.substring(flags, at);
        int digits = at;
        while (at < pattern.length() && Character.isDigit(pattern.charAt(at))) {
            at++;
        }
        int width = number(pattern.substring(digits, at), 0);
        int precision = -1;
        if (at < pattern.length() && pattern.charAt(at) == '.') {
            int start = ++at;
            while (at < pattern.length() && Character.isDigit(pattern.charAt(at))) {
                at++;
            }
            precision = number(pattern.substring(start, at), 0);
        }
        if (at >= pattern.length()) {
            throw TemplateException.of("a % format is incomplete");
        }
        char kind = pattern.charAt(at);
        if (kind == '%') {
            out.append("%");
        } else {
            Value value = named != null ? named : take(list);
            out.append(padded(converted(kind, value, precision, flagged), flagged, width, kind));
        }
        return at + 1;
    }

    private static int number(String digits, int otherwise) {
        if (digits.length() > 4) {
            throw TemplateException.of("the width " + digits + " is too large");
        }
        return digits.isEmpty() ? otherwise : Integer.parseInt(digits);
    }

    private Value take(List<Value> list) {
        if (next >= list.size()) {
            throw TemplateException.of("not enough values for the % format");
        }
        return list.get(next++);
    }

    private String converted(char kind, Value value, int precision, String flags) {
        switch (kind) {
            case 's', 'r':
                String text = kind == 's' ? printer.text(value) : printer.representation(value);
                int length = PythonText.length(text);
                return precision >= 0 && precision < length
                        ? PythonText.slice(text, 0, precision)
                        : text;
            case 'd', 'i', 'x', 'f':
                break;
            default:
                throw TemplateException.of("the % format '%" + kind + "' is not supported");
        }
        Types.defined(value);
        if (!Types.isNumber(value) || (kind == 'x' && value instanceof Real)) {
            throw TemplateException.of("%" + kind + " wants a number, not " + Types.name(value));
        }
        String sign = flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
        String number = kind == 'f' ? fixed(value, precision) : whole(value, kind, precision);
        return number.startsWith("-") ? number : sign + number;
    }

    private static String whole(Value value, char kind, int precision) {
        BigInteger number =
                value instanceof Real r
                        ? PythonNumbers.truncated(r.number())
                        : Types.integer(value, "it");
        String digits = number.abs().toString(kind == 'x' ? 16 : 10);
        String zeros = "0".repeat(Math.max(0, precision - digits.length()));
        return (number.signum() < 0 ? "-" : "") + zeros + digits;
    }

    private static String fixed(Value value, int precision) {
        int scale = precision < 0 ? 6 : precision;
        if (!(value instanceof Real r)) {
            double number = PythonNumbers.real(Types.integer(value, "it"));
            return new BigDecimal(number).setScale(scale, RoundingMode.HALF_EVEN).toPlainString();
        }
        double number = r.number();
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return PythonNumbers.text(number);
        }
        String digits =
                new BigDecimal(Math.abs(number))
                        .setScale(scale, RoundingMode.HALF_EVEN)
                        .toPlainString();
        return (Math.copySign(1, number) < 0 ? "-" : "") + digits;
    }

    private static String padded(String text, String flags, int width, char kind) {
        String pad = " ".repeat(Math.max(0, width - PythonText.length(text)));
        if (flags.contains("-")) {
            return text + pad;
        } else if (flags.contains("0") && kind != 's' && kind != 'r') {
            int sign = !text.isEmpty() && "+- ".indexOf(text.charAt(0)) >= 0 ? 1 : 0;
            return text.substring(0, sign) + pad.replace(' ', '0') + text.substring(sign);
        }
        return pad + text;
    }
}
