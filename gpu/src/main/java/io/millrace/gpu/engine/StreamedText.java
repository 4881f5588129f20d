package io.millrace.gpu.engine;

import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.text.Detokenizer;
import java.util.List;
import java.util.function.Consumer;

/**
 * Streams a completion's text: whole code points, never part of a stop string, and never the token
 * that ends it. The work per token does not grow with the text.
 *
 * <pre>
 *   tokens     [ a ] [ b ] [ c ] [ d ]      d is held back: it may be an end token without text
 *   text       . . . . . . . . .            the end is held back: it may begin a stop string
 *               sent ^     ^ held back
 * </pre>
 */
public final class StreamedText {
    private static final int NONE = -1;

    private final Tokenizer tokenizer;
    private final Detokenizer detokenizer;
    private final Consumer<String> out;

    /**
     * Whether a run of byte tokens is held back until it has ended. Not with stop strings: then the
     * text is decoded token by token, as that of the result.
     */
    private final boolean wholeRuns;

    /** Number of characters at the end that could begin a stop string. */
    private final int heldBack;

    private final StringBuilder waiting = new StringBuilder();
    private int last = NONE;
    private int shown;

    /**
     * @param stop all strings that end the completion
     * @param out receives the text, piece by piece
     */
    StreamedText(Tokenizer tokenizer, List<String> stop, Consumer<String> out) {
        this.tokenizer = tokenizer;
        this.detokenizer = new Detokenizer(tokenizer);
        this.wholeRuns = stop.isEmpty();
        this.heldBack = stop.stream().mapToInt(String::length).max().orElse(1) - 1;
        this.out = out;
    }

    /** Appends a token. */
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

    /** A special token has no text, so the byte tokens before and after it are one run. */
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

    /** Sends the rest of the completion, whose whole text is {@code text}. */
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
