package io.millrace.operators.metric;

import java.util.Locale;

/** Priorities that metrics count together: a lower number is scheduled first. */
public enum PriorityClass {
    /** Below 0. */
    HIGH,
    /** 0, or none. */
    NORMAL,
    /** Above 0. */
    LOW;

    private final String metricName = name().toLowerCase(Locale.ROOT);

    /**
     * @param priority of a request; null for none
     */
    public static PriorityClass of(Integer priority) {
        if (priority == null || priority == 0) {
            return NORMAL;
        }
        return priority < 0 ? HIGH : LOW;
    }

    /** Value of the label {@code priority}. */
    public String metricName() {
        return metricName;
    }
}
