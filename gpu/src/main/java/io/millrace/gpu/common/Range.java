package io.millrace.gpu.common;

/**
 * The range of an option or a parameter. NaN is in none.
 *
 * @param least the lower bound, excluded if {@code open}
 * @param most the upper bound, included
 * @param words the range in words, such as {@code at least 1}
 */
public record Range(double least, boolean open, double most, String words) {

    public static Range atLeast(long least) {
        return new Range(least, false, Double.POSITIVE_INFINITY, "at least " + least);
    }

    public static Range between(long least, long most) {
        return new Range(least, false, most, "from " + least + " to " + most);
    }

    /** Finite numbers. */
    public static Range greaterThan(long least) {
        return new Range(least, true, Double.MAX_VALUE, "greater than " + least);
    }

    public Range atMost(long number) {
        return new Range(least, open, number, words + " and at most " + number);
    }

    /** The same in other words. */
    public Range inWords(String said) {
        return new Range(least, open, most, said);
    }

    public boolean holds(double value) {
        return (open ? value > least : value >= least) && value <= most;
    }
}
