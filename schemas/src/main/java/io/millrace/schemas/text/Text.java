package io.millrace.schemas.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Strict UTF-8, and Java strings that have a UTF-8 form. */
public final class Text {

    private Text() {}

    /** The text, or null if the bytes are not valid UTF-8. */
    public static String decode(byte[] bytes, int from, int length) {
        // Many times faster than a decoder that reports; what is invalid becomes U+FFFD.
        String lenient = new String(bytes, from, length, StandardCharsets.UTF_8);
        if (lenient.indexOf('\uFFFD') < 0) {
            return lenient;
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes, from, length))
                    .toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** Whether all bytes of a buffer, from its position on, are ASCII. */
    public static boolean isAscii(ByteBuffer bytes) {
        int i = bytes.position();
        for (; i <= bytes.limit() - Long.BYTES; i += Long.BYTES) {
            if ((bytes.getLong(i) & 0x8080_8080_8080_8080L) != 0) {
                return false;
            }
        }
        for (; i < bytes.limit(); i++) {
            if (bytes.get(i) < 0) {
                return false;
            }
        }
        return true;
    }

    /** Index of the first byte that is not valid UTF-8, or -1. */
    public static int firstInvalid(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        var decoder = StandardCharsets.UTF_8.newDecoder();
        CharBuffer out = CharBuffer.allocate(4096);
        while (true) {
            out.clear();
            var result = decoder.decode(in, out, true);
            if (result.isOverflow()) {
                continue;
            }
            return result.isError() ? in.position() : -1;
        }
    }

    /** Index of the first half of a surrogate pair without its other half, or -1. */
    public static int firstLoneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1))) {
                    i++;
                } else {
                    return i;
                }
            }
        }
        return -1;
    }

    /** The text with each lone surrogate replaced by U+FFFD: such a text can always be written. */
    public static String writable(String text) {
        int lone = firstLoneSurrogate(text);
        if (lone < 0) {
            return text;
        }
        StringBuilder out = new StringBuilder(text);
        for (int i = lone; i < out.length(); i++) {
            char c = out.charAt(i);
            if (Character.isHighSurrogate(c)
                    && i + 1 < out.length()
                    && Character.isLowSurrogate(out.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                out.setCharAt(i, '\uFFFD');
            }
        }
        return out.toString();
    }

    /** The text, or its beginning if it is longer than that many characters, for a message. */
    public static String brief(String text, int longest) {
        return text.length() <= longest ? text : text.substring(0, longest) + "...";
    }
}
