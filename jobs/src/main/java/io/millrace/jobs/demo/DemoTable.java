package io.millrace.jobs.demo;

import io.millrace.jobs.stream.AnswerReader;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Counts the demo's answers and formats them as lines and a table. One thread. */
final class DemoTable {
    private static final int WIDTH = 60;

    /** Words of the baseline subject: the first words of the e-mail. */
    private static final int FIRST_WORDS = 8;

    private final int expected;
    private final Map<String, String> prompts = new HashMap<>();
    private final Set<String> answeredIds = new HashSet<>();
    private final List<Long> firstTokenMs = new ArrayList<>();
    private final List<Long> endToEndMs = new ArrayList<>();
    private int seen;
    private int answered;
    private int right;
    private int labelled;
    private int subjects;
    private double subjectF1;
    private double firstWordsF1;
    private long promptTokens;
    private long generatedTokens;
    private long firstAdmittedMs = Long.MAX_VALUE;
    private long lastFinishedMs;

    DemoTable(List<InferenceRequest> requests) {
        expected = requests.size();
        for (InferenceRequest request : requests) {
            prompts.put(request.getId(), String.valueOf(request.getPrompt()));
        }
    }

    static String header() {
        return row("id", "true", "given", "", "subject");
    }

    /** Counts a record, and returns its line. */
    String add(AnswerReader.Item item) {
        seen++;
        if (item instanceof AnswerReader.Answer answer) {
            return add(answer);
        }
        if (item instanceof AnswerReader.Failure failed) {
            return row(
                    String.valueOf(failed.failure().getId()),
                    "",
                    "",
                    "",
                    failed.failure().getCode() + ": " + failed.failure().getMessage());
        }
        return row("?", "", "", "", "a record that is no answer");
    }

    private String add(AnswerReader.Answer answer) {
        InferenceResult result = answer.result();
        answered++;
        answeredIds.add(result.getId());
        promptTokens += result.getUsage().getPromptTokens();
        generatedTokens += result.getUsage().getCompletionTokens();
        long admitted = answer.header(RunHeaders.ADMITTED_MS);
        long finished = answer.header(RunHeaders.FINISHED_MS);
        firstAdmittedMs = Math.min(firstAdmittedMs, admitted);
        lastFinishedMs = Math.max(lastFinishedMs, finished);
        firstTokenMs.add(answer.header(RunHeaders.FIRST_TOKEN_MS) - admitted);
        endToEndMs.add(finished - answer.record().timestamp());

        Map<String, String> metadata = result.getMetadata();
        String truth = metadata == null ? null : metadata.get("label");
        String text = result.getCompletions().get(0).getText().strip();
        int bar = text.indexOf('|');
        if (truth == null || bar < 0) {
            labelled += truth == null ? 0 : 1;
            return row(result.getId(), truth == null ? "" : truth, "", "", text);
        }
        labelled++;
        String given = text.substring(0, bar).strip();
        boolean same = given.equals(truth);
        right += same ? 1 : 0;
        String subject = text.substring(bar + 1).strip();
        compare(result.getId(), subject, metadata.get("subject"));
        return row(result.getId(), truth, given, same ? "" : "x", subject);
    }

    private void compare(String id, String subject, String truth) {
        if (truth == null || truth.isBlank()) {
            return;
        }
        String[] words = prompts.getOrDefault(id, "").strip().split("\\s+", FIRST_WORDS + 1);
        String first =
                String.join(" ", List.of(words).subList(0, Math.min(FIRST_WORDS, words.length)));
        subjects++;
        subjectF1 += TokenOverlap.f1(subject, truth);
        firstWordsF1 += TokenOverlap.f1(first, truth);
    }

    /** Records read so far, answers or not. */
    int seen() {
        return seen;
    }

    /** Whether each prompt has an answer or a failure. */
    boolean complete() {
        return seen >= expected;
    }

    /** Whether each prompt was answered. */
    boolean allAnswered() {
        return answered == expected && answeredIds.size() == expected;
    }

    String summary(double seconds) {
        double busy = Math.max(1, lastFinishedMs - firstAdmittedMs) / 1e3;
        StringBuilder table = new StringBuilder();
        add(table, "Answered", "%d of %d", answered, expected);
        if (labelled > 0) {
            add(table, "Right label", "%d of %d", right, labelled);
        }
        if (subjects > 0) {
            add(
                    table,
                    "Subject",
                    "token F1 %.3f; the first eight words of the body %.3f",
                    subjectF1 / subjects,
                    firstWordsF1 / subjects);
        }
        if (answered > 0) {
            add(
                    table,
                    "Tokens",
                    "%d generated (%.0f a second), %d of prompts (%.0f a second)",
                    generatedTokens,
                    generatedTokens / busy,
                    promptTokens,
                    promptTokens / busy);
            add(
                    table,
                    "First token",
                    "median %d ms, p99 %d ms after the engine took the prompt",
                    percentile(firstTokenMs, 50),
                    percentile(firstTokenMs, 99));
            add(
                    table,
                    "End to end",
                    "median %d ms, p99 %d ms from Kafka to the last token, waiting in line included",
                    percentile(endToEndMs, 50),
                    percentile(endToEndMs, 99));
        }
        add(table, "Total time", "%.1f s until the last answer was committed", seconds);
        return table.toString().stripTrailing();
    }

    private static void add(StringBuilder table, String name, String format, Object... values) {
        table.append(String.format(Locale.ROOT, "%-13s" + format + "%n", prepend(name, values)));
    }

    private static Object[] prepend(String name, Object... values) {
        Object[] all = new Object[values.length + 1];
        all[0] = name;
        System.arraycopy(values, 0, all, 1, values.length);
        return all;
    }

    /** Nearest rank. */
    static long percentile(List<Long> values, int percent) {
        List<Long> sorted = values.stream().sorted().toList();
        int rank = (int) Math.ceil(percent / 100.0 * sorted.size());
        return sorted.get(Math.max(0, rank - 1));
    }

    private static String row(String id, String truth, String given, String mark, String text) {
        String line = text.replaceAll("\\s+", " ");
        if (line.length() > WIDTH) {
            line = line.substring(0, WIDTH - 1) + "…";
        }
        return String.format("%-12s %-5s %-5s %-2s %s", id, truth, given, mark, line)
                .stripTrailing();
    }
}
