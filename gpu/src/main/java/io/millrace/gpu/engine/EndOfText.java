package io.millrace.gpu.engine;

import java.util.List;

/**
 * What ends a completion by the model's own files, unless a request goes on past it.
 *
 * @param tokenIds ids of end-of-text tokens
 * @param strings stop strings, none empty; a request's own come on top
 */
record EndOfText(List<Integer> tokenIds, List<String> strings) {
    EndOfText {
        tokenIds = List.copyOf(tokenIds);
        strings = List.copyOf(strings);
    }

    /** Tokens alone. */
    static EndOfText of(List<Integer> tokenIds) {
        return new EndOfText(tokenIds, List.of());
    }
}
