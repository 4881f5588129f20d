package io.millrace.jobs.demo;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Compares a text with a reference by shared words. */
final class TokenOverlap {
    private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);

    private TokenOverlap() {}

    /**
     * Token F1: the harmonic mean of precision and recall over lower-case words, each counted with
     * its multiplicity. 0 without a common word, 1 for equal bags of words.
     */
    static double f1(String guess, String truth) {
        Map<String, Integer> left = new HashMap<>();
        int total = 0;
        for (String word : words(truth)) {
            left.merge(word, 1, Integer::sum);
            total++;
        }
        int common = 0;
        for (String word : words(guess)) {
            total++;
            if (left.getOrDefault(word, 0) > 0) {
                left.merge(word, -1, Integer::sum);
                common++;
            }
        }
        return common == 0 ? 0 : 2.0 * common / total;
    }

    private static Iterable<String> words(String text) {
        return () ->
                WORD.matcher(text)
                        .results()
                        .map(MatchResult::group)
                        .map(word -> word.toLowerCase(java.util.Locale.ROOT))
                        .iterator();
    }
}
