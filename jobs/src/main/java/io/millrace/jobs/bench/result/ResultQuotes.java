package io.millrace.jobs.bench.result;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Quotes of figures in a page's prose: each follows a comment that names it, so that a figure has
 * one source.
 *
 * <pre>
 *   &lt;!--=W4, qwen2.5-0.5b--&gt;43,720                   output of that workload and model
 *   &lt;!--=W4, qwen2.5-0.5b, vLLM 0.26.0--&gt;18,813      another metric, or another engine
 *   &lt;!--=W4, qwen2.5-0.5b / vLLM 0.26.0--&gt;2.32       output by that
 * </pre>
 *
 * A workload is named by its text up to the first comma.
 */
public final class ResultQuotes {
    private static final Pattern QUOTE =
            Pattern.compile(
                    "<!--=([^,>]+), ([^,/>]+?)(?:, ([^,/>]+?))?(?: /"
                            + " ([^,/>]+?))?-->([0-9][0-9.,]*[0-9]|[0-9])");

    private static final String OUTPUT = "output";

    private ResultQuotes() {}

    /** The page's text with quotes updated from rows; a quote without a row is kept. */
    public static String rewritten(String text, List<ResultRow> rows) {
        return QUOTE.matcher(text)
                .replaceAll(
                        found -> {
                            String figure = figure(found, rows);
                            String whole = found.group();
                            int at = whole.indexOf("-->") + "-->".length();
                            return Matcher.quoteReplacement(
                                    figure == null ? whole : whole.substring(0, at) + figure);
                        });
    }

    /** The quotes without exactly one row. */
    public static List<String> unknown(String text, List<ResultRow> rows) {
        List<String> unknown = new ArrayList<>();
        Matcher quotes = QUOTE.matcher(text);
        while (quotes.find()) {
            if (figure(quotes.toMatchResult(), rows) == null) {
                unknown.add(quotes.group());
            }
        }
        return unknown;
    }

    private static String figure(MatchResult quote, List<ResultRow> rows) {
        String metric = quote.group(3) == null ? OUTPUT : quote.group(3);
        Double value = value(quote, metric, rows);
        if (value == null || quote.group(4) == null) {
            return value == null ? null : plain(value);
        }
        Double by = value(quote, quote.group(4), rows);
        return by == null ? null : String.format(Locale.ROOT, "%.2f", value / by);
    }

    private static String plain(double value) {
        return String.format(Locale.ROOT, value >= 1000 ? "%,.0f" : "%s", (Object) value)
                .replaceFirst("\\.0$", "");
    }

    private static Double value(MatchResult quote, String metric, List<ResultRow> rows) {
        List<Double> values =
                rows.stream()
                        .filter(row -> begins(row.workload(), quote.group(1)))
                        .filter(row -> row.model().equals(quote.group(2)))
                        .filter(row -> row.metric().equals(metric))
                        .map(ResultRow::value)
                        .distinct()
                        .toList();
        return values.size() == 1 ? values.get(0) : null;
    }

    private static boolean begins(String workload, String name) {
        return workload.equals(name) || workload.startsWith(name + ",");
    }
}
