package io.millrace.gpu.engine;

import io.millrace.gpu.api.SamplingParameters;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What ends a completion according to the model's files, unless a request ignores it.
 *
 * @param tokenIds ids of end-of-text tokens
 * @param strings stop strings, none empty; a request adds its own
 */
record EndOfText(List<Integer> tokenIds, List<String> strings) {
    EndOfText {
        tokenIds = List.copyOf(tokenIds);
        strings = List.copyOf(strings);
    }

    /** End-of-text tokens without stop strings. */
    static EndOfText of(List<Integer> tokenIds) {
        return new EndOfText(tokenIds, List.of());
    }

    /** Token ids that end a completion of a request. */
    IntStream stopIds(SamplingParameters sampling) {
        return IntStream.concat(
                ints(sampling.stopTokenIds()), ints(sampling.ignoreEos() ? List.of() : tokenIds));
    }

    /** Stop strings of a request; none where a constraint says how it ends. */
    List<String> stops(SamplingParameters sampling) {
        if (sampling.constraint() != null) {
            return List.of();
        }
        Stream<String> own = sampling.ignoreEos() ? Stream.of() : strings.stream();
        return Stream.concat(own, sampling.stop().stream()).toList();
    }

    private static IntStream ints(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue);
    }
}
