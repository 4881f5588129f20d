package io.millrace.gpu.sampling.grammar.schema;

/** Escapes texts for JSON strings, only where needed. */
public final class JsonText {
    private JsonText() {}

    /** The text between the quotes. */
    public static String escaped(String text) {
        StringBuilder json = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> json.append("\\\"");
                case '\\' -> json.append("\\\\");
                case '\b' -> json.append("\\b");
                case '\f' -> json.append("\\f");
                case '\n' -> json.append("\\n");
                case '\r' -> json.append("\\r");
                case '\t' -> json.append("\\t");
                default -> json.append(c < ' ' ? String.format("\\u%04x", (int) c) : c);
            }
        }
        return json.toString();
    }
}
