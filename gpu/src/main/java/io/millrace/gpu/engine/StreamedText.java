package io.millrace.gpu.engine;

import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.text.Detokenizer;
import java.util.List;
import java.util.function.Consumer;

/**
 * Shows a completion's text as its tokens come: whole code points, never part of a stop string, and
 * never the token that ends it. A token's work does not grow with what came before.
 *
 * <pre>
 *   tokens     [ a ] [ b ] [ c ] [ d ]      d waits: it may be an end token, and no text
 *   text       . . . . . . . . .            the last of it wait: they may begin a stop string
 *              shown^      ^held back
 * </pre>
 */
public final class StreamedText {
    private static final int NONE = -1;

    private final Tokenizer tokenizer;
    private final Detokenizer detokenizer;
    private final Consumer<String> out;

    /**
     * Whether a run of byte tokens waits until it has ended. Not with stop strings: the text is
     * then made token by token, and so is the result's.
     */
    private final boolean wholeRuns;

    /** Characters at the end that could be the beginning of a stop string. */
    private final int heldBack;

    private final StringBuilder waiting = new StringBuilder();
    private int last = NONE;
    private int shown;

    /**
     * @param stop all strings that end the completion
     * @param out takes the text, piece by piece
     */
    StreamedText(Tokenizer tokenizer, List<String> stop, Consumer<String> out) {
        this.tokenizer = tokenizer;
        this.detokenizer = new Detokenizer(tokenizer);
        this.wholeRuns = stop.isEmpty();
        this.heldBack = stop.stream().mapToInt(String::length).max().orElse(1) - 1;
        this.out = out;
    }

    /** Takes a further token. */
    public void add(int token) {
        if (last != NONE) {
            if (wholeRuns && mayBeWithinRun(last)) {
                detokenizer.hold(last);
            } else {
                waiting.append(detokenizer.add(last));
                showReady();
            }
        }
        last = token;
    }

    /** A special token has no text, so the bytes on both of its sides are one run. */
    private boolean mayBeWithinRun(int token) {
        return tokenizer.isByte(token) || tokenizer.specialTokens().containsKey(token);
    }

    private void showReady() {
        int ready = waiting.length() - heldBack;
        if (ready > 0 && Character.isHighSurrogate(waiting.charAt(ready - 1))) {
            ready--;
        }
        if (ready > 0) {
            show(waiting.substring(0, ready));
            waiting.delete(0, ready);
        }
    }

    /** Shows what is left of the completion, of which {@code text} is the whole. */
    public void finish(String text) {
        if (text.length() > shown) {
            show(text.substring(shown));
        }
    }

    private void show(String text) {
        out.accept(text);
        shown += text.length();
    }
}
