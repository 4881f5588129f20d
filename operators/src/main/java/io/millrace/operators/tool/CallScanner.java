package io.millrace.operators.tool;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;

/** Reads calls out of an answer's text, from left to right. */
final class CallScanner {
    private static final JsonFactory JSON =
            JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .streamReadConstraints(
                            StreamReadConstraints.builder().maxNestingDepth(256).build())
                    .build();

    private final String text;
    private int at;

    CallScanner(String text, int at) {
        this.text = text;
        this.at = at;
    }

    int position() {
        return at;
    }

    boolean atEnd() {
        return at == text.length();
    }

    void skipSpace() {
        while (!atEnd() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
    }

    /** Goes behind what comes next, if it is that. */
    boolean take(String next) {
        boolean there = text.startsWith(next, at);
        at += there ? next.length() : 0;
        return there;
    }

    /** Goes behind the characters up to any of these. */
    String until(String ends) {
        int from = at;
        while (!atEnd() && ends.indexOf(text.charAt(at)) < 0) {
            at++;
        }
        return text.substring(from, at);
    }

    /** A JSON object, as it was written. */
    String object() throws CallException {
        int from = at;
        try (JsonParser in = JSON.createParser(text.substring(from))) {
            require(in.nextToken() == JsonToken.START_OBJECT, "has no JSON object");
            in.skipChildren();
            at = from + (int) in.currentLocation().getCharOffset();
        } catch (IOException e) {
            throw notJson();
        }
        return text.substring(from, at);
    }

    /** A call that is an object of a name and arguments, which are also called parameters. */
    RawCall call() throws CallException {
        int from = at;
        String written = object();
        String name = null;
        String arguments = null;
        try (JsonParser in = JSON.createParser(written)) {
            in.nextToken();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String field = in.currentName();
                JsonToken value = in.nextToken();
                if (field.equals("name")) {
                    require(value == JsonToken.VALUE_STRING, "has a name that is no text");
                    name = in.getText();
                } else if (field.equals("arguments") || field.equals("parameters")) {
                    require(arguments == null, "has arguments twice");
                    require(value == JsonToken.START_OBJECT, "has arguments that are no object");
                    int start = (int) in.currentTokenLocation().getCharOffset();
                    in.skipChildren();
                    arguments =
                            written.substring(start, (int) in.currentLocation().getCharOffset());
                } else {
                    in.skipChildren();
                }
            }
        } catch (IOException e) {
            at = from;
            throw notJson();
        }
        require(name != null, "has no name");
        require(arguments != null, "has no arguments");
        return new RawCall(name, arguments);
    }

    private static CallException notJson() {
        return new CallException("is no whole JSON");
    }

    static void require(boolean met, String otherwise) throws CallException {
        if (!met) {
            throw new CallException(otherwise);
        }
    }
}
