package io.millrace.gpu.common;

import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The rule for the values of a request's parameter.
 *
 * @param <T> type of the values
 */
public interface Rule<T> {
    Rule<Object> ANY = (called, value, vocabulary) -> null;

    /** As at OpenAI. */
    Range BIASES = Range.between(-100, 100);

    /**
     * Checks a value.
     *
     * @param called the caller's name of the parameter
     * @param value not null
     * @param vocabulary number of the model's tokens; {@link Integer#MAX_VALUE} where the model is
     *     not known
     * @return one sentence with name, value and range; null if the value is valid
     */
    String fault(String called, T value, int vocabulary);

    static Rule<Number> numbers(Range range) {
        return (called, value, vocabulary) ->
                range.holds(value.doubleValue()) ? null : said(called, value, range.words());
    }

    static Rule<List<String>> texts(int most) {
        return (called, value, vocabulary) -> {
            if (value.size() > most) {
                return said(called, value.size() + " strings", "at most " + most);
            }
            return value.contains("")
                    ? said(called, "a list with an empty string", "strings that are not empty")
                    : null;
        };
    }

    static Rule<List<Integer>> tokens(int most) {
        return (called, ids, vocabulary) ->
                ids.size() > most
                        ? said(called, ids.size() + " tokens", "at most " + most)
                        : tokens(called, ids, vocabulary);
    }

    /** Checks a list; reports the first fault only, as others likely have the same reason. */
    static String tokens(String called, List<Integer> ids, int vocabulary) {
        for (int i = 0; i < ids.size(); i++) {
            int id = ids.get(i);
            if (id < 0 || id >= vocabulary) {
                return said(
                        called + "[" + i + "]",
                        id,
                        vocabulary == Integer.MAX_VALUE
                                ? "0 or more"
                                : "one of this model's token ids, from 0 to " + (vocabulary - 1));
            }
        }
        return null;
    }

    /** Checks biases by token id; reports the first fault in order of keys. */
    static String biases(String called, Map<String, Double> biases, int vocabulary) {
        if (biases.size() > 300) {
            return said(called, biases.size() + " tokens", "at most 300");
        }
        for (String key : new TreeSet<>(biases.keySet())) {
            if (!isToken(key, vocabulary)) {
                return said(
                        "A token of " + called,
                        key,
                        vocabulary == Integer.MAX_VALUE
                                ? "a whole number, 0 or more"
                                : "one of this model's token ids, from 0 to " + (vocabulary - 1));
            }
            if (!BIASES.holds(biases.get(key))) {
                return said(called + "[" + key + "]", biases.get(key), BIASES.words());
            }
        }
        return null;
    }

    /** Whether a key is a token id without sign or leading zeros. */
    private static boolean isToken(String key, int vocabulary) {
        return key.matches("0|[1-9][0-9]{0,8}") && Integer.parseInt(key) < vocabulary;
    }

    private static String said(String called, Object value, String range) {
        return called + " is " + value + "; it must be " + range + ".";
    }
}
