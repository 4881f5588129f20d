package io.millrace.jobs.verify;

import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceResult;
import java.util.List;
import java.util.Objects;

/**
 * Finds the first difference between a committed answer and the one computed here, and describes
 * it.
 */
final class Difference {
    private static final int AROUND = 24;

    private Difference() {}

    /** A sentence part such as {@code completion 0 differs at token 12: 17 committed, 54 here}. */
    static String of(InferenceResult committed, InferenceResult here) {
        if (!committed.getModel().equals(here.getModel())) {
            return "model is \"%s\" committed, \"%s\" here: give --model-name=%s"
                    .formatted(committed.getModel(), here.getModel(), committed.getModel());
        }
        List<Completion> left = committed.getCompletions();
        List<Completion> right = here.getCompletions();
        for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
            String difference = of(left.get(i), right.get(i));
            if (difference != null) {
                return "completion " + i + " " + difference;
            }
        }
        if (left.size() != right.size()) {
            return "there are %d completions committed, %d here"
                    .formatted(left.size(), right.size());
        }
        if (!committed.getUsage().equals(here.getUsage())) {
            return "usage is %s committed, %s here"
                    .formatted(committed.getUsage(), here.getUsage());
        }
        if (!Objects.equals(committed.getMetadata(), here.getMetadata())) {
            return "metadata is %s committed, %s here"
                    .formatted(committed.getMetadata(), here.getMetadata());
        }
        return null;
    }

    private static String of(Completion committed, Completion here) {
        List<Integer> left = committed.getTokenIds();
        List<Integer> right = here.getTokenIds();
        for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
            if (!left.get(i).equals(right.get(i))) {
                return "differs at token %d: %d committed, %d here"
                        .formatted(i, left.get(i), right.get(i));
            }
        }
        if (left.size() != right.size()) {
            return "differs at token %d: it has %d tokens committed, %d here"
                    .formatted(Math.min(left.size(), right.size()), left.size(), right.size());
        }
        if (!committed.getText().equals(here.getText())) {
            return text(committed.getText(), here.getText());
        }
        if (!committed.getFinishReason().equals(here.getFinishReason())) {
            return "has finish_reason %s committed, %s here"
                    .formatted(committed.getFinishReason(), here.getFinishReason());
        }
        if (committed.getIndex() != here.getIndex()) {
            return "has index %d committed, %d here"
                    .formatted(committed.getIndex(), here.getIndex());
        }
        if (!Objects.equals(committed.getLogprobs(), here.getLogprobs())) {
            return logprobs(committed, here);
        }
        if (!Objects.equals(committed.getToolCalls(), here.getToolCalls())) {
            return "has tool_calls %s committed, %s here"
                    .formatted(committed.getToolCalls(), here.getToolCalls());
        }
        return null;
    }

    private static String text(String committed, String here) {
        int at = 0;
        while (at < Math.min(committed.length(), here.length())
                && committed.charAt(at) == here.charAt(at)) {
            at++;
        }
        return "has equal tokens, and its text differs at character %d: \"%s\" committed, \"%s\" here"
                .formatted(at, from(committed, at), from(here, at));
    }

    private static String from(String text, int at) {
        int end = Math.min(text.length(), at + AROUND);
        return text.substring(at, end).replace("\n", "\\n") + (end < text.length() ? "..." : "");
    }

    private static String logprobs(Completion committed, Completion here) {
        if (committed.getLogprobs() == null || here.getLogprobs() == null) {
            return "has %s log probabilities committed, %s here"
                    .formatted(
                            committed.getLogprobs() == null ? "no" : "all",
                            here.getLogprobs() == null ? "none" : "all");
        }
        int at = 0;
        while (at < Math.min(committed.getLogprobs().size(), here.getLogprobs().size())
                && committed.getLogprobs().get(at).equals(here.getLogprobs().get(at))) {
            at++;
        }
        return "has equal tokens, and the log probabilities of token " + at + " differ";
    }

    /** The first different byte of equal records. */
    static String ofBytes(byte[] committed, byte[] here) {
        int at = java.util.Arrays.mismatch(committed, here);
        return "the fields are equal, but the bytes differ at byte %d: the record was written otherwise"
                .formatted(at);
    }
}
