package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.millrace.schemas.text.Text;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Puts a value into a JSON object and leaves every other byte as it is: numbers, order, escapes and
 * white space. The object was read by {@link JsonTree}, so that nothing is checked again.
 */
public final class JsonSplice {
    private static final int MARK_BYTES = 3;

    private final byte[] json;
    private int at;

    /** Where the name of the field begins that was looked at last. */
    private int name;

    /** What a look at the fields of an object found: the value's bytes, or where a field can go. */
    private record Found(boolean there, int from, int to, boolean empty) {}

    private JsonSplice(byte[] json) {
        this.json = json;
        boolean marked = json.length > MARK_BYTES && (json[0] & 0xFF) == 0xEF;
        at = marked ? MARK_BYTES : 0;
    }

    /** A JSON string, in UTF-8. */
    public static byte[] quoted(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16).append('"');
        JsonStringEncoder.getInstance().quoteAsString(Text.writable(text), out);
        return out.append('"').toString().getBytes(StandardCharsets.UTF_8);
    }

    /**
     * The object with the value at the path: instead of the one that is there, else behind the last
     * field of the object that it goes into. Objects that the path lacks are made.
     *
     * @param object a JSON object
     * @param path names of fields, from the outermost; what is there on the way are objects
     * @param value JSON
     */
    public static byte[] put(byte[] object, List<String> path, byte[] value) {
        return new JsonSplice(object).put(path, value);
    }

    /**
     * The object with one more element at the end of an array.
     *
     * @param object a JSON object
     * @param path names of the fields that lead to the array, which are there
     * @param element JSON
     */
    public static byte[] append(byte[] object, List<String> path, byte[] element) {
        JsonSplice splice = new JsonSplice(object);
        Found array = null;
        for (String name : path) {
            array = splice.find(name);
            splice.at = array.from();
        }
        int end = array.to() - 1;
        splice.at = array.from() + 1;
        splice.skipBlanks();
        byte[] more = splice.at == end ? element : joined(",", element);
        return splice.replaced(end, end, more);
    }

    private static byte[] joined(String before, byte[] value) {
        byte[] head = before.getBytes(StandardCharsets.UTF_8);
        byte[] all = Arrays.copyOf(head, head.length + value.length);
        System.arraycopy(value, 0, all, head.length, value.length);
        return all;
    }

    /** The object without one of its fields, and the comma beside that. */
    public static byte[] remove(byte[] object, String name) {
        JsonSplice splice = new JsonSplice(object);
        Found found = splice.find(name);
        if (!found.there()) {
            return object;
        }
        int to = splice.at;
        splice.skipBlanks();
        if (object[splice.at] == ',') {
            splice.at++;
            return splice.replaced(splice.name, splice.at, new byte[0]);
        }
        int before = splice.name - 1;
        while (" \n\r\t".indexOf(object[before]) >= 0) {
            before--;
        }
        return splice.replaced(object[before] == ',' ? before : splice.name, to, new byte[0]);
    }

    private byte[] put(List<String> path, byte[] value) {
        for (int level = 0; ; level++) {
            Found found = find(path.get(level));
            boolean last = level == path.size() - 1;
            if (found.there() && last) {
                return replaced(found.from(), found.to(), value);
            }
            if (!found.there()) {
                return replaced(
                        found.from(),
                        found.to(),
                        field(found.empty(), path.subList(level, path.size()), value));
            }
            at = found.from();
        }
    }

    /** A comma unless it is the first one, and the field with the objects that it is in. */
    private static byte[] field(boolean first, List<String> path, byte[] value) {
        StringBuilder before = new StringBuilder(first ? "" : ",");
        for (int level = 0; level < path.size(); level++) {
            before.append(level == 0 ? "" : "{");
            before.append(new String(quoted(path.get(level)), StandardCharsets.UTF_8)).append(':');
        }
        byte[] head = before.toString().getBytes(StandardCharsets.UTF_8);
        int length = head.length + value.length;
        byte[] field = Arrays.copyOf(head, length + path.size() - 1);
        System.arraycopy(value, 0, field, head.length, value.length);
        Arrays.fill(field, length, field.length, (byte) '}');
        return field;
    }

    private byte[] replaced(int from, int to, byte[] by) {
        byte[] all = new byte[json.length - (to - from) + by.length];
        System.arraycopy(json, 0, all, 0, from);
        System.arraycopy(by, 0, all, from, by.length);
        System.arraycopy(json, to, all, from + by.length, json.length - to);
        return all;
    }

    /** Looks for a field of the object that begins here, or behind white space. */
    private Found find(String name) {
        skipBlanks();
        int end = ++at;
        boolean empty = true;
        for (skipBlanks(); json[at] != '}'; skipBlanks()) {
            if (json[at] == ',') {
                at++;
                skipBlanks();
            }
            int from = at;
            this.name = from;
            skipString();
            boolean found = isName(from, at, name);
            skipBlanks();
            at++;
            skipBlanks();
            int value = at;
            skipValue();
            if (found) {
                return new Found(true, value, at, false);
            }
            end = at;
            empty = false;
        }
        return new Found(false, end, end, empty);
    }

    /** Whether the string in these bytes is the name. */
    private boolean isName(int from, int to, String name) {
        String raw = new String(json, from + 1, to - from - 2, StandardCharsets.UTF_8);
        return name.equals(raw.indexOf('\\') < 0 ? raw : unescaped(raw));
    }

    private static String unescaped(String raw) {
        StringBuilder text = new StringBuilder(raw.length());
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            if (c != '\\') {
                text.append(c);
                continue;
            }
            char escape = raw.charAt(++i);
            switch (escape) {
                case 'n' -> text.append('\n');
                case 't' -> text.append('\t');
                case 'r' -> text.append('\r');
                case 'b' -> text.append('\b');
                case 'f' -> text.append('\f');
                case 'u' -> {
                    text.append((char) Integer.parseInt(raw.substring(i + 1, i + 5), 16));
                    i += 4;
                }
                default -> text.append(escape);
            }
        }
        return text.toString();
    }

    private void skipBlanks() {
        while (json[at] == ' ' || json[at] == '\n' || json[at] == '\r' || json[at] == '\t') {
            at++;
        }
    }

    /** From the quote that begins a string to behind the one that ends it. */
    private void skipString() {
        for (at++; json[at] != '"'; at++) {
            if (json[at] == '\\') {
                at++;
            }
        }
        at++;
    }

    private void skipValue() {
        int depth = 0;
        do {
            switch (json[at]) {
                case '"' -> skipString();
                case '{', '[' -> {
                    depth++;
                    at++;
                }
                case '}', ']' -> {
                    depth--;
                    at++;
                }
                case ',', ':', ' ', '\n', '\r', '\t' -> at++;
                default -> skipScalar();
            }
        } while (depth > 0);
    }

    private void skipScalar() {
        while ("}],: \n\r\t".indexOf(json[at]) < 0) {
            at++;
        }
    }
}
