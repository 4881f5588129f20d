package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.PythonText;
import io.millrace.gpu.text.jinja.value.Sandbox;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The parts of one Python string: between separators, between white space, and lines. */
final class StringParts {
    private final String text;
    private final Sandbox sandbox;

    StringParts(String text, Sandbox sandbox) {
        this.text = text;
        this.sandbox = sandbox;
    }

    /** The parts between separators, of which the first {@code most} count. */
    List<String> between(String separator, int most) {
        List<String> parts = new ArrayList<>();
        int from = 0;
        int at = text.indexOf(separator);
        while (at >= 0 && parts.size() < most) {
            sandbox.step();
            parts.add(text.substring(from, at));
            from = at + separator.length();
            at = text.indexOf(separator, from);
        }
        parts.add(text.substring(from));
        return parts;
    }

    /** As {@link #between}, with the last {@code most} separators. */
    List<String> betweenFromRight(String separator, int most) {
        List<String> parts = new ArrayList<>();
        int to = text.length();
        int at = text.lastIndexOf(separator);
        while (at >= 0 && parts.size() < most) {
            sandbox.step();
            parts.add(text.substring(at + separator.length(), to));
            to = at;
            at =
                    to < separator.length()
                            ? -1
                            : text.lastIndexOf(separator, to - separator.length());
        }
        parts.add(text.substring(0, to));
        Collections.reverse(parts);
        return parts;
    }

    /** The first {@code most} words, and the rest. */
    List<String> words(int most) {
        List<String> words = new ArrayList<>();
        int at = spaces(0);
        while (at < text.length() && words.size() < most) {
            sandbox.step();
            int end = at;
            while (end < text.length() && !PythonText.isSpace(text.charAt(end))) {
                end++;
            }
            words.add(text.substring(at, end));
            at = spaces(end);
        }
        if (at < text.length()) {
            words.add(text.substring(at));
        }
        return words;
    }

    /** The first position from {@code from} on that is no white space. */
    private int spaces(int from) {
        int at = from;
        while (at < text.length() && PythonText.isSpace(text.charAt(at))) {
            at++;
        }
        return at;
    }

    /** The last {@code most} words, after the rest. */
    List<String> wordsFromRight(int most) {
        List<String> words = new ArrayList<>();
        int end = spacesBefore(text.length());
        while (end > 0 && words.size() < most) {
            sandbox.step();
            int start = end;
            while (start > 0 && !PythonText.isSpace(text.charAt(start - 1))) {
                start--;
            }
            words.add(text.substring(start, end));
            end = spacesBefore(start);
        }
        if (end > 0) {
            words.add(text.substring(0, end));
        }
        Collections.reverse(words);
        return words;
    }

    /** The last position up to {@code to} that does not follow white space. */
    private int spacesBefore(int to) {
        int at = to;
        while (at > 0 && PythonText.isSpace(text.charAt(at - 1))) {
            at--;
        }
        return at;
    }

    /** The lines of a text, with their ends or without. */
    static List<String> lines(boolean keepEnds, String text) {
        List<String> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            if (PythonText.isLineEnd(text.charAt(i))) {
                int end = i;
                if (text.charAt(i) == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n') {
                    i++;
                }
                lines.add(text.substring(start, keepEnds ? i + 1 : end));
                start = i + 1;
            }
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }
}
