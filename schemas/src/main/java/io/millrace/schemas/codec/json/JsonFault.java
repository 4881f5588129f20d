package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonStreamContext;
import io.millrace.schemas.text.Text;

/** Says where a text is not JSON: in which field, at which value, line and column. */
final class JsonFault {
    private static final int LONGEST_NAME = 60;
    private static final int LONGEST_REASON = 200;
    private static final String BEFORE_A_VALUE = ",:[";
    private static final String ENDS_OF_A_VALUE = ",:[]{}\" \t\r\n";

    private JsonFault() {}

    /**
     * One sentence without a remedy.
     *
     * @param json what {@code in} reads, whole
     * @param in the parser that threw {@code e}; it reads a value together with the name before it,
     *     so only its own context knows whose value is wrong
     */
    static String describe(String json, JsonParser in, JsonProcessingException e) {
        StringBuilder message = new StringBuilder("not valid JSON");
        String path = path(in.getParsingContext());
        if (!path.isEmpty()) {
            message.append(" in field ").append(path);
            String value = value(json, e.getLocation());
            if (!value.isEmpty()) {
                message.append(", at ").append(Text.brief(value, LONGEST_NAME));
            }
        }
        message.append(": ").append(Text.brief(e.getOriginalMessage(), LONGEST_REASON));
        if (e.getLocation() != null) {
            message.append(" (line ").append(e.getLocation().getLineNr());
            message.append(", column ").append(e.getLocation().getColumnNr()).append(')');
        }
        return message.toString();
    }

    private static String path(JsonStreamContext context) {
        if (context == null || context.inRoot()) {
            return "";
        }
        String outer = path(context.getParent());
        if (context.inArray()) {
            return outer + "[" + Math.max(0, context.getCurrentIndex()) + "]";
        }
        if (context.getCurrentName() == null) {
            return outer;
        }
        String name = Text.brief(context.getCurrentName(), LONGEST_NAME);
        return outer.isEmpty() ? name : outer + "." + name;
    }

    /**
     * The characters around the fault, up to the next sign of JSON on either side; none where no
     * value begins there, as within a string.
     */
    private static String value(String json, JsonLocation location) {
        if (location == null || location.getCharOffset() < 0) {
            return "";
        }
        int from = (int) Math.min(location.getCharOffset(), json.length());
        int to = from;
        while (from > 0 && !isEnd(json.charAt(from - 1))) {
            from--;
        }
        while (to < json.length() && !isEnd(json.charAt(to))) {
            to++;
        }
        int sign = from - 1;
        while (sign >= 0 && Character.isWhitespace(json.charAt(sign))) {
            sign--;
        }
        boolean begins = sign >= 0 && BEFORE_A_VALUE.indexOf(json.charAt(sign)) >= 0;
        return begins ? json.substring(from, to) : "";
    }

    private static boolean isEnd(char c) {
        return ENDS_OF_A_VALUE.indexOf(c) >= 0;
    }
}
