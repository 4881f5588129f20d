package io.millrace.jobs.chaos.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.chaos.check.Deadline;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** A client for the JobManager's REST API; the JobManager may be down. Safe for any thread. */
public final class FlinkRest {
    private static final Duration ANSWER = Duration.ofSeconds(10);

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(ANSWER).build();
    private final ObjectMapper json = new ObjectMapper();
    private final String root;

    FlinkRest(String host, int port) {
        this.root = "http://" + host + ":" + port;
    }

    /** Number of registered TaskManagers; 0 without an answer. */
    int taskManagers() throws InterruptedException {
        try {
            return get("/overview").path("taskmanagers").asInt();
        } catch (IOException e) {
            return 0;
        }
    }

    /**
     * The state of a job in its JobManager.
     *
     * @param state such as RUNNING
     * @param running whether each of its tasks runs
     * @param startMs start of the job in this JobManager; a new one restarts its counts
     */
    public record Job(String state, boolean running, long startMs) {}

    public Job job(String job) throws IOException, InterruptedException {
        JsonNode all = get("/jobs/" + job);
        String state = all.path("state").asText();
        boolean running = state.equals("RUNNING");
        for (JsonNode vertex : all.path("vertices")) {
            running &=
                    vertex.path("tasks").path("RUNNING").asInt()
                            == vertex.path("parallelism").asInt();
        }
        return new Job(state, running, all.path("start-time").asLong());
    }

    /** The newest failure of the job, with its causes, without their frames. */
    public String failure(String job) throws IOException, InterruptedException {
        JsonNode entries =
                get("/jobs/" + job + "/exceptions").path("exceptionHistory").path("entries");
        String trace = entries.path(0).path("stacktrace").asText("");
        return trace.lines()
                .filter(line -> !line.matches("\\s+(at |\\.\\.\\.).*"))
                .collect(Collectors.joining("; "));
    }

    /**
     * Counts of a job's checkpoints, since its JobManager started or the job did.
     *
     * @param newest number of the newest completed one, -1 for none
     * @param newestMs its duration
     * @param reasons causes of failed checkpoints by number; Flink keeps the last few
     */
    record Checkpoints(
            int completed,
            int failed,
            int restored,
            long newest,
            long newestMs,
            Map<Long, String> reasons) {
        /** Counts of a job that was not polled since its start. */
        static Checkpoints none(long newest) {
            return new Checkpoints(0, 0, 0, newest, -1, Map.of());
        }
    }

    Checkpoints checkpoints(String job) throws IOException, InterruptedException {
        JsonNode all = get("/jobs/" + job + "/checkpoints");
        JsonNode counts = all.path("counts");
        JsonNode newest = all.path("latest").path("completed");
        Map<Long, String> reasons = new HashMap<>();
        for (JsonNode each : all.path("history")) {
            if (each.path("status").asText().equals("FAILED")) {
                reasons.put(each.path("id").asLong(), reason(each));
            }
        }
        JsonNode last = all.path("latest").path("failed");
        if (last.has("id")) {
            reasons.put(last.path("id").asLong(), reason(last));
        }
        return new Checkpoints(
                counts.path("completed").asInt(),
                counts.path("failed").asInt(),
                counts.path("restored").asInt(),
                newest.path("id").asLong(-1),
                newest.path("end_to_end_duration").asLong(-1),
                reasons);
    }

    /** The first line, without details of a single checkpoint. */
    private static String reason(JsonNode failed) {
        String message = failed.path("failure_message").asText("").strip();
        return message.isEmpty()
                ? "no reason given"
                : message.lines()
                        .findFirst()
                        .orElse("")
                        .replaceAll("[0-9a-f]{16,}(_[0-9]+)*", "ID")
                        .replaceAll("[0-9]+", "N");
    }

    /** Requests in flight in all subtasks. */
    int inFlight(String job) throws IOException, InterruptedException {
        double sum = 0;
        for (JsonNode vertex : get("/jobs/" + job).path("vertices")) {
            String metrics =
                    "/jobs/"
                            + job
                            + "/vertices/"
                            + vertex.path("id").asText()
                            + "/subtasks/metrics";
            List<String> names = new ArrayList<>();
            for (JsonNode metric : get(metrics)) {
                if (metric.path("id").asText().endsWith(".in_flight_requests")) {
                    names.add(
                            URLEncoder.encode(metric.path("id").asText(), StandardCharsets.UTF_8));
                }
            }
            if (!names.isEmpty()) {
                for (JsonNode metric : get(metrics + "?agg=sum&get=" + String.join(",", names))) {
                    sum += metric.path("sum").asDouble();
                }
            }
        }
        return (int) sum;
    }

    /** Resource ids of the TaskManagers with tasks of the job. */
    Set<String> taskManagers(String job) throws IOException, InterruptedException {
        Set<String> ids = new TreeSet<>();
        for (JsonNode vertex : get("/jobs/" + job).path("vertices")) {
            String path = "/jobs/" + job + "/vertices/" + vertex.path("id").asText();
            for (JsonNode subtask : get(path).path("subtasks")) {
                ids.add(subtask.path("taskmanager-id").asText());
            }
        }
        return ids;
    }

    /** Stops a job with a savepoint; returns its path. */
    String stop(String job, String folder, Duration limit)
            throws IOException, InterruptedException {
        String body =
                json.createObjectNode()
                        .put("targetDirectory", folder)
                        .put("drain", false)
                        .toString();
        String trigger =
                send(request("/jobs/" + job + "/stop").POST(BodyPublishers.ofString(body)))
                        .path("request-id")
                        .asText();
        Deadline deadline = Deadline.in(limit);
        while (!deadline.isOver()) {
            JsonNode answer = get("/jobs/" + job + "/savepoints/" + trigger);
            if (answer.path("status").path("id").asText().equals("COMPLETED")) {
                String path = answer.path("operation").path("location").asText("");
                if (path.isEmpty()) {
                    throw new IOException(
                            "There is no savepoint: "
                                    + answer.path("operation").path("failure-cause").toString());
                }
                return path;
            }
            deadline.pause();
        }
        throw new IOException("There is no savepoint after " + limit.toSeconds() + " s.");
    }

    /** Cancels a job. */
    void cancel(String job) throws IOException, InterruptedException {
        send(request("/jobs/" + job + "?mode=cancel").method("PATCH", BodyPublishers.noBody()));
    }

    private JsonNode get(String path) throws IOException, InterruptedException {
        return send(request(path).GET());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(root + path))
                .header("Content-Type", "application/json")
                .timeout(ANSWER);
    }

    private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response =
                client.send(request.build(), BodyHandlers.ofString(StandardCharsets.UTF_8));
        if (response.statusCode() >= 300) {
            throw new IOException(
                    "Flink answers " + response.statusCode() + ": " + response.body());
        }
        return json.readTree(response.body());
    }
}
