package io.millrace.gpu.common;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The definition of an option, from which the command line, Flink's configuration, the
 * documentation and error messages are made.
 *
 * @param names its names
 * @param values its values
 * @param sentence its meaning, in one or more sentences
 */
public record Setting(Names names, Values values, String sentence) {

    /**
     * The names of an option.
     *
     * @param java its name in Java; null if it is no option of a Java builder
     * @param flag its name on the command line, such as {@code --block-size}; null if only Java can
     *     set it
     * @param aliases other names on the command line
     * @param label placeholder of the value in help; null for a flag without a value
     */
    public record Names(String java, String flag, List<String> aliases, String label) {
        private static final String PREFIX = "millrace.";

        public static Names of(String java, String flag, String label) {
            return new Names(java, flag, List.of(), label);
        }

        /** Names of an option that only Java can set. */
        public static Names inJava(String java) {
            return new Names(java, null, List.of(), null);
        }

        /** Its key in Flink's configuration: {@code millrace.block-size}; null without a flag. */
        public String key() {
            return flag == null ? null : PREFIX + flag.substring("--".length());
        }
    }

    /** The type of values and their written form. */
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
     * The values of an option.
     *
     * @param fallback the default; null for none
     * @param shown the default as written by users; null if there is none, or {@code otherwise}
     *     describes it
     * @param otherwise description of the default; null if {@code shown} or the sentence has it
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
         * A default that is decided later.
         *
         * @param fallback stands for it in Java, out of the range
         */
        public static Values decidedLater(int fallback, String otherwise, Range range) {
            return new Values(Kind.INT, fallback, null, otherwise, range, false);
        }

        /** Without a default, such as a parameter whose default is the model's. */
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

    /** The written form of a constant. */
    public static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Placeholder of the value in help: for {@link Kind#ONE_OF}, all values. */
    public String label() {
        return values.kind() == Kind.ONE_OF
                ? String.join("|", Stream.of(values.constants()).map(Setting::word).toList())
                : names.label();
    }

    /** The meaning, and the description of the default unless it is just a value. */
    public String description() {
        return values.otherwise() == null
                ? sentence
                : sentence.substring(0, sentence.length() - 1)
                        + " (default: "
                        + values.otherwise()
                        + ").";
    }

    /**
     * Checks a given value.
     *
     * @return one sentence with flag, value and range; null if the value is valid
     */
    public String fault(Object value) {
        return values.holds(value) ? null : said(value, values.words());
    }

    /** As {@link #fault}, but {@link Values#fallback} is valid. */
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
