package io.millrace.gpu.common;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * One option, said once: the command line, Flink's configuration, the documentation and the
 * sentences of errors are made of it.
 *
 * @param names what callers call it
 * @param values which values it may have
 * @param sentence what it means, in one sentence or more
 */
public record Setting(Names names, Values values, String sentence) {

    /**
     * What callers call an option.
     *
     * @param java its name in Java; null where Java has it elsewhere
     * @param flag its name on the command line, such as {@code --block-size}; null for what only
     *     Java can set
     * @param aliases other names on the command line
     * @param label what stands for a value in help; null for a flag without
     */
    public record Names(String java, String flag, List<String> aliases, String label) {
        private static final String PREFIX = "millrace.";

        public static Names of(String java, String flag, String label) {
            return new Names(java, flag, List.of(), label);
        }

        /** For what only Java can set. */
        public static Names inJava(String java) {
            return new Names(java, null, List.of(), null);
        }

        /** Its key in Flink's configuration: {@code millrace.block-size}; null without a flag. */
        public String key() {
            return flag == null ? null : PREFIX + flag.substring("--".length());
        }
    }

    /** How values are written and kept. */
    public enum Kind {
        /** {@link Boolean}; on the command line without a value. */
        FLAG,
        /** {@link String}. */
        TEXT,
        /** {@link List} of {@link String}; on the command line one at a time. */
        TEXTS,
        /** {@link Integer}. */
        INT,
        /** {@link Long}. */
        LONG,
        /** {@link Double}. */
        DOUBLE,
        /** {@link Long}; written with a unit, such as {@code 512m}. Its range is in bytes. */
        BYTES,
        /** {@link Duration}; written with a unit, such as {@code 10s}. Its range is in ms. */
        TIME,
        /** A constant of an enum; written in lower case. */
        ONE_OF
    }

    /**
     * Which values an option may have.
     *
     * @param fallback the value where nobody gives one; null for none
     * @param shown the same as one would write it; null where it is not to be written, but is
     *     described in words, or where there is none
     * @param otherwise what happens where nobody gives one, in words; null where {@code shown} or
     *     the sentence says it
     * @param range of numbers, sizes and times; null for any
     * @param required whether a caller must give one
     */
    public record Values(
            Kind kind,
            Object fallback,
            String shown,
            String otherwise,
            Range range,
            boolean required) {

        public static Values flag() {
            return new Values(Kind.FLAG, false, null, null, null, false);
        }

        public static Values text() {
            return new Values(Kind.TEXT, null, null, null, null, false);
        }

        public static Values requiredText() {
            return new Values(Kind.TEXT, null, null, null, null, true);
        }

        public static Values oneOf(Enum<?> fallback) {
            return new Values(Kind.ONE_OF, fallback, word(fallback), null, null, false);
        }

        public static Values of(int fallback, Range range) {
            return new Values(Kind.INT, fallback, Integer.toString(fallback), null, range, false);
        }

        public static Values of(long fallback, Range range) {
            return new Values(Kind.LONG, fallback, Long.toString(fallback), null, range, false);
        }

        public static Values of(double fallback, Range range) {
            return new Values(Kind.DOUBLE, fallback, Double.toString(fallback), null, range, false);
        }

        public static Values ofBytes(long fallback, String shown, Range range) {
            return new Values(Kind.BYTES, fallback, shown, null, range, false);
        }

        public static Values ofTime(Duration fallback, String shown, Range range) {
            return new Values(Kind.TIME, fallback, shown, null, range, false);
        }

        /**
         * What is decided later where nobody gives one.
         *
         * @param fallback stands for that in Java, out of the range
         */
        public static Values decidedLater(int fallback, String otherwise, Range range) {
            return new Values(Kind.INT, fallback, null, otherwise, range, false);
        }

        /** Such as a parameter that the model has a default of. */
        public static Values optional(Kind kind) {
            return new Values(kind, null, null, null, null, false);
        }

        /** The constants of {@link Kind#ONE_OF}. */
        public Enum<?>[] constants() {
            return ((Enum<?>) fallback).getDeclaringClass().getEnumConstants();
        }

        private boolean holds(Object value) {
            if (value == null) {
                return false;
            }
            return range == null
                    || range.holds(
                            value instanceof Duration time
                                    ? time.toMillis()
                                    : ((Number) value).doubleValue());
        }

        private String words() {
            if (kind == Kind.ONE_OF) {
                List<String> all = Stream.of(constants()).map(Setting::word).toList();
                int last = all.size() - 1;
                return String.join(", ", all.subList(0, last)) + " or " + all.get(last);
            }
            if (range == null) {
                return "given";
            }
            return switch (kind) {
                case BYTES -> range.words() + (range.words().endsWith(" 1") ? " byte" : " bytes");
                case TIME -> range.words() + " ms";
                default -> range.words();
            };
        }
    }

    /** A constant as it is written outside of Java. */
    public static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What stands for a value in help: for {@link Kind#ONE_OF}, all of them. */
    public String label() {
        return values.kind() == Kind.ONE_OF
                ? String.join("|", Stream.of(values.constants()).map(Setting::word).toList())
                : names.label();
    }

    /** What it means, and what holds where nobody gives a value, if that is not just a value. */
    public String description() {
        return values.otherwise() == null
                ? sentence
                : sentence.substring(0, sentence.length() - 1)
                        + " (default: "
                        + values.otherwise()
                        + ").";
    }

    /**
     * What is wrong with a value that somebody gave.
     *
     * @return one sentence with flag, value and range; null for nothing
     */
    public String fault(Object value) {
        return values.holds(value) ? null : said(value, values.words());
    }

    /** As {@link #fault}, where {@link Values#fallback} may stand for a value to be decided. */
    public String faultInJava(Object value) {
        if (values.otherwise() == null) {
            return fault(value);
        }
        return values.holds(value) || Objects.equals(value, values.fallback())
                ? null
                : said(value, values.words() + ", or " + values.fallback() + " for the default");
    }

    private String said(Object value, String range) {
        String shown =
                value instanceof Duration time ? time.toMillis() + " ms" : String.valueOf(value);
        return "%s is %s: it must be %s."
                .formatted(names.flag() == null ? names.java() : names.flag(), shown, range);
    }
}
