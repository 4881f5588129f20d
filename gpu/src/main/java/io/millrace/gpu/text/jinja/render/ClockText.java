package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.TemplateException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.TextStyle;
import java.util.Locale;

/** Formats a UTC time by a strftime format, with English names. */
final class ClockText {
    private static final int LONGEST = 1000;

    private ClockText() {}

    static String format(String format, Instant moment) {
        if (format.length() > LONGEST) {
            throw TemplateException.of("the format of strftime_now is too long");
        }
        ZonedDateTime time = moment.atZone(ZoneOffset.UTC);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            char directive = format.charAt(++i);
            if (directive == '-' && i + 1 < format.length()) {
                String padded = directive(format.charAt(++i), time);
                out.append(padded.replaceFirst("^[0 ]+(?=.)", ""));
            } else {
                out.append(directive(directive, time));
            }
        }
        return out.toString();
    }

    private static String directive(char directive, ZonedDateTime t) {
        int hour12 = (t.getHour() + 11) % 12 + 1;
        return switch (directive) {
            case 'a' ->
                    t.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
            case 'A' -> t.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' ->
                    t.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
            case 'B' -> t.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'd' -> two(t.getDayOfMonth());
            case 'e' -> (t.getDayOfMonth() < 10 ? " " : "") + t.getDayOfMonth();
            case 'm' -> two(t.getMonthValue());
            case 'y' -> two(Math.floorMod(t.getYear(), 100));
            case 'Y' -> Integer.toString(t.getYear());
            case 'H' -> two(t.getHour());
            case 'I' -> two(hour12);
            case 'M' -> two(t.getMinute());
            case 'S' -> two(t.getSecond());
            case 'p' -> t.getHour() < 12 ? "AM" : "PM";
            case 'f' -> String.format(Locale.ROOT, "%06d", t.getNano() / 1000);
            case 'j' -> String.format(Locale.ROOT, "%03d", t.getDayOfYear());
            case 'u' -> Integer.toString(t.getDayOfWeek().getValue());
            case 'w' -> Integer.toString(t.getDayOfWeek().getValue() % 7);
            case 'F' -> t.getYear() + "-" + two(t.getMonthValue()) + "-" + two(t.getDayOfMonth());
            case 'D' ->
                    two(t.getMonthValue())
                            + "/"
                            + two(t.getDayOfMonth())
                            + "/"
                            + two(Math.floorMod(t.getYear(), 100));
            case 'T' -> two(t.getHour()) + ":" + two(t.getMinute()) + ":" + two(t.getSecond());
            case 'R' -> two(t.getHour()) + ":" + two(t.getMinute());
            case 'z', 'Z' -> "";
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default ->
                    throw TemplateException.of("strftime_now does not know '%" + directive + "'");
        };
    }

    private static String two(int number) {
        return number < 10 ? "0" + number : Integer.toString(number);
    }
}
