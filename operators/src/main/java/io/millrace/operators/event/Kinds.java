package io.millrace.operators.event;

import io.millrace.schemas.text.Text;
import java.util.List;
import java.util.Map;

/** Says what a value of an event is, for messages. */
final class Kinds {
    private static final int LONGEST = 60;

    private Kinds() {}

    static String of(Object value) {
        if (value == null) {
            return "null";
        } else if (value instanceof String) {
            return "text";
        } else if (value instanceof Map<?, ?>) {
            return "an object";
        } else if (value instanceof List<?>) {
            return "an array";
        }
        String shown = Text.brief(value.toString(), LONGEST);
        return value instanceof Number ? "the number " + shown : shown;
    }
}
