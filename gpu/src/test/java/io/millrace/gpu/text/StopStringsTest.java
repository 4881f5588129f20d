package io.millrace.gpu.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {

    @Test
    void findsAStopStringAcrossPieces() {
        StopStrings stops = new StopStrings(List.of("</answer>"));
        assertThat(stops.add("42</an")).isFalse();
        assertThat(stops.add("")).isFalse();
        assertThat(stops.add("swer> and more")).isTrue();
        assertThat(stops.text()).isEqualTo("42");
    }

    @Test
    void ignoresWhatComesAfter() {
        StopStrings stops = new StopStrings(List.of("\n"));
        assertThat(stops.add("a\nb")).isTrue();
        assertThat(stops.add("c")).isTrue();
        assertThat(stops.text()).isEqualTo("a");
    }

    @Test
    void anAlmostMatchDoesNotHideARealOne() {
        assertThat(cut("aaab", "aab")).isEqualTo("a");
        assertThat(cut("abababc", "ababc")).isEqualTo("ab");
        assertThat(cut("\n\n\nUser:", "\n\nUser:")).isEqualTo("\n");
    }

    @Test
    void theOneThatEndsFirstWins() {
        assertThat(cut("xabcd", "abcd", "bc")).isEqualTo("xa");
        assertThat(cut("xabcd", "bc", "abcd")).isEqualTo("xa");
    }

    @Test
    void ofThoseThatEndTogetherTheLongestWins() {
        assertThat(cut("xabc", "c", "bc", "abc")).isEqualTo("x");
        assertThat(cut("xabc", "abc", "c")).isEqualTo("x");
    }

    @Test
    void withoutAMatchTheTextIsWhole() {
        StopStrings stops = new StopStrings(List.of("zz"));
        assertThat(stops.add("azbz")).isFalse();
        assertThat(stops.text()).isEqualTo("azbz");
    }

    @Test
    void aStopStringThatIsASpecialTokenMatchesThatToken() {
        StopStrings stops = new StopStrings(List.of("<end>"), List.of("<begin>", "<end>"));
        assertThat(stops.spansSpecials()).isTrue();
        assertThat(stops.add("hi")).isFalse();
        assertThat(stops.addSpecial("<begin>", "")).isFalse();
        assertThat(stops.add(" you")).isFalse();
        assertThat(stops.addSpecial("<end>", "")).isTrue();
        assertThat(stops.add("more")).isTrue();
        assertThat(stops.text()).isEqualTo("hi you");
    }

    @Test
    void aStopStringThatHasASpecialTokenInItTakesOffTheTextAroundIt() {
        StopStrings stops = new StopStrings(List.of("b<end>\nc"), List.of("<end>"));
        stops.add("ab");
        stops.addSpecial("<end>", "");
        assertThat(stops.add("\nc and more")).isTrue();
        assertThat(stops.text()).isEqualTo("a");
    }

    @Test
    void specialTokensDoNotPartOtherStopStrings() {
        StopStrings stops = new StopStrings(List.of("ab", "<end>!"), List.of("<end>"));
        stops.add("xa");
        assertThat(stops.addSpecial("<end>", "")).isFalse();
        assertThat(stops.add("b")).isTrue();
        assertThat(stops.text()).isEqualTo("x");
        StopStrings plain = new StopStrings(List.of("<en"), List.of("<end>"));
        assertThat(plain.spansSpecials()).isFalse();
        assertThat(plain.addSpecial("<end>", "")).isFalse();
    }

    @Test
    void textThatIsHeldBackStandsBeforeTheSpecialToken() {
        StopStrings stops = new StopStrings(List.of("a<end>"), List.of("<end>"));
        stops.add("a");
        assertThat(stops.addSpecial("<end>", "\uFFFD")).isFalse();
        assertThat(stops.text()).isEqualTo("a");
        StopStrings other = new StopStrings(List.of("<end>"), List.of("<end>"));
        other.add("a");
        assertThat(other.addSpecial("<end>", "\uFFFD")).isTrue();
        assertThat(other.text()).isEqualTo("a\uFFFD");
    }

    @Test
    void anEmptyStopStringIsRefused() {
        assertThatThrownBy(() -> new StopStrings(List.of("a", "")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theCutDependsOnTheTextAloneNotOnItsPieces() {
        for (int seed = 0; seed < 2_000; seed++) {
            Random random = new Random(seed);
            String text = letters(random, 54);
            List<String> stops = new ArrayList<>();
            for (int i = 1 + random.nextInt(4); i > 0; i--) {
                stops.add(letters(random, 1 + random.nextInt(6)));
            }
            StopStrings pieces = new StopStrings(stops);
            for (int at = 0; at < text.length(); ) {
                int next = Math.min(text.length(), at + random.nextInt(9));
                pieces.add(text.substring(at, next));
                at = next;
            }
            assertThat(pieces.text()).as("%s in %s", stops, text).isEqualTo(plain(text, stops));
        }
    }

    private static String plain(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            int longest = 0;
            for (String stop : stops) {
                if (text.substring(0, end).endsWith(stop)) {
                    longest = Math.max(longest, stop.length());
                }
            }
            if (longest > 0) {
                return text.substring(0, end - longest);
            }
        }
        return text;
    }

    private static String letters(Random random, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append((char) ('a' + random.nextInt(2)));
        }
        return text.toString();
    }

    private static String cut(String text, String... stops) {
        StopStrings matcher = new StopStrings(List.of(stops));
        assertThat(matcher.add(text)).isTrue();
        return matcher.text();
    }
}
