package io.millrace.jobs.chaos.check;

import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Checks committed records: each request must have one result or failure, with the bytes of the
 * undisturbed run.
 */
public final class Checker {
    private static final int SHOWN = 20;

    private final Map<String, Committed> expected = new HashMap<>();

    /**
     * Uses the undisturbed run as the reference, after checking it.
     *
     * @throws IllegalStateException the undisturbed run is wrong; the message says how
     */
    public Checker(PromptSet prompts, List<Committed> undisturbed) {
        List<String> wrong = new ArrayList<>();
        Set<String> failed = new HashSet<>();
        for (Committed each : undisturbed) {
            if (expected.put(each.name(), each) != null) {
                wrong.add(each.name() + " is there twice");
            }
            if (each.failure() != null) {
                failed.add(each.name());
                String code = prompts.failures().get(each.name());
                if (!each.failure().getCode().equals(code)) {
                    wrong.add(
                            each.name() + " failed with " + each.failure() + " instead of " + code);
                }
            } else {
                check(each.result(), prompts, wrong);
            }
        }
        if (!failed.equals(prompts.failures().keySet())) {
            wrong.add("failures are " + failed + " instead of " + prompts.failures().keySet());
        }
        if (expected.size() != prompts.count()) {
            wrong.add(expected.size() + " answers instead of " + prompts.count());
        }
        if (!wrong.isEmpty()) {
            throw new IllegalStateException("The undisturbed run is wrong: " + shown(wrong));
        }
    }

    private static void check(InferenceResult result, PromptSet prompts, List<String> wrong) {
        int tokens = result.getUsage().getPromptTokens();
        boolean isLong = tokens > PromptSet.MAX_TOKENS;
        if (tokens < PromptSet.MIN_TOKENS || isLong != PromptSet.isLong(result.getId())) {
            wrong.add(result.getId() + " has " + tokens + " tokens in its prompt");
        }
        if (result.getCompletions().size() != prompts.completions()) {
            wrong.add(result.getId() + " has " + result.getCompletions().size() + " completions");
        }
        for (Completion completion : result.getCompletions()) {
            if (completion.getTokenIds().size() != PromptSet.NEW_TOKENS) {
                wrong.add(result.getId() + " has " + completion.getTokenIds().size() + " tokens");
            }
        }
    }

    /**
     * Differences from the undisturbed run.
     *
     * @param lost requests without any answer
     * @param twice answers beyond the first
     * @param different answers with other bytes in key or value
     * @param unknown answers without a request
     * @param examples descriptions of some of them
     */
    public record Verdict(int lost, int twice, int different, int unknown, List<String> examples) {
        public boolean isRight() {
            return lost + twice + different + unknown == 0;
        }
    }

    /** Compares the committed records of a disturbed run. */
    public Verdict check(List<Committed> committed) {
        Set<String> missing = new TreeSet<>(expected.keySet());
        Set<String> seen = new HashSet<>();
        List<String> examples = new ArrayList<>();
        int twice = 0;
        int different = 0;
        int unknown = 0;
        for (Committed each : committed) {
            Committed wanted = expected.get(each.name());
            missing.remove(each.name());
            if (wanted == null) {
                unknown++;
                examples.add("unknown: " + text(each.value()));
            } else if (!Arrays.equals(each.key(), wanted.key())
                    || !Arrays.equals(each.value(), wanted.value())) {
                different++;
                examples.add(
                        "different: %s: %s %s instead of %s %s"
                                .formatted(
                                        each.name(),
                                        text(each.key()),
                                        text(each.value()),
                                        text(wanted.key()),
                                        text(wanted.value())));
            }
            if (!seen.add(each.name())) {
                twice++;
                examples.add("twice: " + each.name());
            }
        }
        missing.forEach(name -> examples.add("lost: " + name));
        return new Verdict(missing.size(), twice, different, unknown, shown(examples));
    }

    private static List<String> shown(List<String> all) {
        return all.size() <= SHOWN ? all : List.copyOf(all.subList(0, SHOWN));
    }

    private static String text(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8);
    }
}
