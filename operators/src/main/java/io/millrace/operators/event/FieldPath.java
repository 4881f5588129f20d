package io.millrace.operators.event;

import java.util.List;
import java.util.Map;

/**
 * The place of a field in an event.
 *
 * @param names of the fields that lead there, from the outermost
 */
record FieldPath(List<String> names) {

    /**
     * Parses names with dots between.
     *
     * @throws IllegalArgumentException a name is empty
     */
    static FieldPath parse(String text) {
        List<String> names = List.of(text.split("\\.", -1));
        if (names.contains("")) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is no path of a field: write names with dots between, a.b");
        }
        return new FieldPath(names);
    }

    /**
     * Parses the value of an option.
     *
     * @throws IllegalArgumentException a name is empty; the message names the option
     */
    static FieldPath parse(String option, String text) {
        try {
            return parse(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(option + ": " + e.getMessage(), e);
        }
    }

    /** Whether the event has the field, be it null. */
    boolean isIn(Map<String, Object> event) {
        Map<?, ?> object = event;
        for (int level = 0; level < names.size() - 1; level++) {
            if (!(object.get(names.get(level)) instanceof Map<?, ?> inner)) {
                return false;
            }
            object = inner;
        }
        return object.containsKey(names.get(names.size() - 1));
    }

    /** The value of the field; null where there is none. */
    Object of(Map<String, Object> event) {
        Object value = event;
        for (String name : names) {
            value = value instanceof Map<?, ?> object ? object.get(name) : null;
        }
        return value;
    }

    /** The first place on the way there that is something else than an object; null for none. */
    String blocked(Map<String, Object> event) {
        Map<?, ?> object = event;
        for (int level = 0; level < names.size() - 1; level++) {
            String name = names.get(level);
            if (!object.containsKey(name)) {
                return null;
            }
            if (!(object.get(name) instanceof Map<?, ?> inner)) {
                return String.join(".", names.subList(0, level + 1));
            }
            object = inner;
        }
        return null;
    }

    @Override
    public String toString() {
        return String.join(".", names);
    }
}
