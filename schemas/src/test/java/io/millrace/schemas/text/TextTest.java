package io.millrace.schemas.text;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TextTest {
    @Test
    void decodesUtf8TheReplacementCharacterIncluded() {
        for (String text :
                new String[] {"", "abc", "\u00FC\u20AC\uD83D\uDE00", "a\uFFFDb", "\u0000"}) {
            byte[] bytes = ("<" + text + ">").getBytes(UTF_8);
            assertThat(Text.decode(bytes, 1, bytes.length - 2)).isEqualTo(text);
            assertThat(Text.firstInvalid(bytes)).isEqualTo(-1);
        }
    }

    @Test
    void whatIsNotUtf8IsNoText() {
        byte[] bytes = "a\u20AC\uFFFD".getBytes(UTF_8);
        for (int length = 0; length <= bytes.length; length++) {
            boolean whole = length <= 1 || length == 4 || length == 7;
            assertThat(Text.decode(bytes, 0, length) != null)
                    .as(length + " bytes")
                    .isEqualTo(whole);
        }
        // An overlong form, half a surrogate pair, a byte that never stands in UTF-8.
        for (int[] bad : new int[][] {{0xC0, 0xAF}, {0xED, 0xA0, 0x80}, {0xFF}}) {
            byte[] with = Arrays.copyOf("ab".getBytes(UTF_8), 2 + bad.length);
            for (int i = 0; i < bad.length; i++) {
                with[2 + i] = (byte) bad[i];
            }
            assertThat(Text.decode(with, 0, with.length)).isNull();
            assertThat(Text.firstInvalid(with)).isEqualTo(2);
        }
    }
}
