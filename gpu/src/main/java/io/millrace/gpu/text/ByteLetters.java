package io.millrace.gpu.text;

import java.util.HashSet;
import java.util.Set;

/**
 * The letters that stand for bytes in byte-level vocabularies: GPT-2's {@code bytes_to_unicode}.
 * Printable bytes are their own letters; the others are U+0100 and following.
 */
final class ByteLetters {
    static final Set<String> ALL = all();

    private ByteLetters() {}

    private static Set<String> all() {
        Set<String> letters = new HashSet<>();
        int unprintable = 0;
        for (int b = 0; b < 256; b++) {
            letters.add(String.valueOf((char) (isPrintable(b) ? b : 256 + unprintable++)));
        }
        return Set.copyOf(letters);
    }

    static boolean isPrintable(int b) {
        return b >= '!' && b <= '~' || b >= 0xA1 && b != 0xAD;
    }
}
