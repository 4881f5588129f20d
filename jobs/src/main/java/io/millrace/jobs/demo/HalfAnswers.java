package io.millrace.jobs.demo;

import io.millrace.operators.inference.SavedRequests;
import io.millrace.schemas.InFlightRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The unfinished answers in a checkpoint.
 *
 * @param checkpoint its name, such as chk-17
 * @param tokens tokens so far, by request
 */
public record HalfAnswers(String checkpoint, Map<String, List<Integer>> tokens) {
    private static final String PREFIX = "chk-";

    /**
     * The unfinished answers in the newest complete checkpoint of a job.
     *
     * @param job folder of the job's checkpoints; may not exist yet
     * @return null while there is none that exists long enough to be read
     */
    static HalfAnswers newest(Path job) throws IOException {
        Path newest;
        try (Stream<Path> all = Files.isDirectory(job) ? Files.list(job) : Stream.of()) {
            newest =
                    all.filter(each -> Files.exists(each.resolve("_metadata")))
                            .max(Comparator.comparingLong(HalfAnswers::number))
                            .orElse(null);
        }
        if (newest == null) {
            return null;
        }
        Map<String, List<Integer>> tokens = new HashMap<>();
        try {
            for (InFlightRequest each : SavedRequests.read(newest)) {
                if (each.getRequest() != null
                        && each.getResult() == null
                        && !each.getGenerated().isEmpty()
                        && !each.getGenerated().get(0).isEmpty()) {
                    tokens.put(each.getRequest().getId(), each.getGenerated().get(0));
                }
            }
        } catch (IOException e) {
            if (Files.exists(newest.resolve("_metadata"))) {
                throw e;
            }
            // A newer checkpoint is complete, and Flink has removed this one.
            return null;
        }
        return new HalfAnswers(newest.getFileName().toString(), tokens);
    }

    private static long number(Path checkpoint) {
        return Long.parseLong(checkpoint.getFileName().toString().substring(PREFIX.length()));
    }

    /** Tokens of unfinished answers in the newest complete checkpoint of a job. */
    public static int tokensInNewest(Path job) throws IOException {
        HalfAnswers half = newest(job);
        return half == null ? 0 : half.total();
    }

    /** Tokens of all unfinished answers. */
    int total() {
        return tokens.values().stream().mapToInt(List::size).sum();
    }

    /** The request with the most tokens; of several the first by name. */
    String longest() {
        return tokens.entrySet().stream()
                .max(
                        Comparator.comparingInt(
                                        (Map.Entry<String, List<Integer>> each) ->
                                                each.getValue().size())
                                .thenComparing(Map.Entry.comparingByKey(Comparator.reverseOrder())))
                .orElseThrow()
                .getKey();
    }
}
