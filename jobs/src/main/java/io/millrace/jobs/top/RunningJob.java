package io.millrace.jobs.top;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.jobs.cli.CommandFailedException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One job of a Flink cluster, and its figures of a moment. */
final class RunningJob {
    /** Metrics of the inference operator, and those of source and sink by their last word. */
    private static final Pattern METRIC =
            Pattern.compile(
                    "inference_\\((?<model>.+)\\)\\.(?<own>[a-z0-9_.]+)"
                            + "|.+\\.(?<other>pendingRecords|lost_input_offsets|lost_transactions)");

    /** Flink takes a request's line of 4,096 characters. */
    private static final int MOST_CHARACTERS = 2_000;

    private final FlinkApi api;
    private final String id;

    private RunningJob(FlinkApi api, String id) {
        this.api = api;
        this.id = id;
    }

    /**
     * Finds a job.
     *
     * @param wanted name or id, or the beginning of its id; null for the only one that runs
     */
    static RunningJob find(FlinkApi api, String wanted) throws InterruptedException {
        List<String> found = new ArrayList<>();
        List<String> named = new ArrayList<>();
        List<String> all = new ArrayList<>();
        for (JsonNode job : api.get("/jobs/overview").path("jobs")) {
            String id = job.path("jid").asText();
            String name = job.path("name").asText();
            String state = job.path("state").asText();
            boolean ended = state.matches("FINISHED|FAILED|CANCELED");
            String words = name + " (" + id + ", " + state + ")";
            all.add(words);
            if (wanted == null
                    ? !ended
                    : id.equals(wanted) || !ended && isMeant(id, name, wanted)) {
                found.add(id);
                named.add(words);
            }
        }
        if (found.size() == 1) {
            return new RunningJob(api, found.get(0));
        }
        String at = "Flink at " + api.root();
        if (found.size() > 1) {
            throw new CommandFailedException(
                    "%s has %d such jobs: name one with --job, by its id: %s."
                            .formatted(at, found.size(), String.join(", ", named)));
        }
        String has = all.isEmpty() ? " has none." : " has " + String.join(", ", all) + ".";
        throw new CommandFailedException(
                (wanted == null ? "No job runs: " : "No job " + wanted + " runs: ") + at + has);
    }

    private static boolean isMeant(String id, String name, String wanted) {
        return name.equals(wanted) || wanted.length() >= 4 && id.startsWith(wanted);
    }

    /** The figures now. Flink's REST refreshes its copy of metrics every 10 seconds. */
    JobFigures figures() throws InterruptedException {
        JsonNode job = api.get("/jobs/" + id);
        JobMetrics metrics = new JobMetrics();
        for (JsonNode vertex : job.path("vertices")) {
            read("/jobs/" + id + "/vertices/" + vertex.path("id").asText(), metrics);
        }
        JsonNode restarts = api.get("/jobs/" + id + "/metrics?get=numRestarts");
        return new JobFigures(
                id,
                job,
                api.get("/jobs/" + id + "/checkpoints"),
                restarts.at("/0/value").asLong(0),
                metrics);
    }

    private void read(String vertex, JobMetrics metrics) throws InterruptedException {
        Map<String, Matcher> known = new TreeMap<>();
        for (JsonNode metric : api.get(vertex + "/subtasks/metrics")) {
            String name = metric.path("id").asText();
            Matcher matcher = METRIC.matcher(name);
            if (matcher.matches()) {
                known.put(name, matcher);
            }
        }
        if (known.isEmpty()) {
            return;
        }
        for (JsonNode subtask : api.get(vertex).path("subtasks")) {
            String path = vertex + "/subtasks/" + subtask.path("subtask").asInt() + "/metrics?get=";
            String engine = subtask.path("taskmanager-id").asText();
            for (String names : requests(known.keySet())) {
                for (JsonNode metric : api.get(path + names)) {
                    Matcher name = known.get(metric.path("id").asText());
                    if (name != null) {
                        metrics.add(name, engine, metric.path("value").asText());
                    }
                }
            }
        }
    }

    private static List<String> requests(Iterable<String> names) {
        List<String> requests = new ArrayList<>();
        StringBuilder one = new StringBuilder();
        for (String name : names) {
            String encoded = URLEncoder.encode(name, StandardCharsets.UTF_8);
            if (one.length() + encoded.length() > MOST_CHARACTERS) {
                requests.add(one.toString());
                one.setLength(0);
            }
            one.append(one.length() == 0 ? "" : ",").append(encoded);
        }
        requests.add(one.toString());
        return requests;
    }
}
