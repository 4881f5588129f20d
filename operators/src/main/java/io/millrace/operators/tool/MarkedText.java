package io.millrace.operators.tool;

import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.Tokenizer;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/** The text of a completion with some of the special tokens that it leaves out. */
final class MarkedText {
    /** Each takes a decoding of the tokens before it. */
    private static final int MOST = 64;

    private MarkedText() {}

    /** The text with those special tokens that are among the marks, the first of them. */
    static String of(Completion completion, Tokenizer tokenizer, Set<String> marks) {
        Map<Integer, String> special = tokenizer.specialTokens();
        int[] tokens = completion.tokenIds();
        String text = completion.text();
        StringBuilder marked = new StringBuilder();
        int from = 0;
        int found = 0;
        for (int i = 0; i < tokens.length && found < MOST; i++) {
            String mark = special.get(tokens[i]);
            if (mark == null || !marks.contains(mark)) {
                continue;
            }
            int at = length(tokenizer.decode(Arrays.copyOf(tokens, i)), text);
            if (at == text.length() && !tokenizer.decode(tokens).equals(text)) {
                // The text was cut before this token.
                break;
            }
            at = Math.max(from, at);
            marked.append(text, from, at).append(mark);
            from = at;
            found++;
        }
        return marked.append(text, from, text.length()).toString();
    }

    /** Number of characters of a beginning's decoding that are the text's. */
    private static int length(String beginning, String text) {
        int most = Math.min(beginning.length(), text.length());
        int same = 0;
        while (same < most && beginning.charAt(same) == text.charAt(same)) {
            same++;
        }
        return same;
    }
}
