package io.millrace.jobs.top;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The figures of a job at one moment.
 *
 * @param job answer of {@code /jobs/ID}
 * @param checkpoints answer of {@code /jobs/ID/checkpoints}
 */
record JobFigures(
        String id, JsonNode job, JsonNode checkpoints, long restarts, JobMetrics metrics) {
    private static final int LABEL = 20;
    private static final int VALUE = 14;

    /** As Flink's REST names them. */
    private static final List<String> QUANTILES = List.of("median", "p95", "p99");

    /** Whether the job has ended, in whatever way. */
    boolean hasEnded() {
        return state().matches("FINISHED|FAILED|CANCELED");
    }

    String state() {
        return job.path("state").asText();
    }

    String name() {
        return job.path("name").asText();
    }

    /** Whether it is one of ours. Its metrics come some seconds after its start. */
    boolean hasEngine() {
        return !metrics.models().isEmpty();
    }

    /** One figure or table row a line, without control characters. */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(
                "%s (%s) is %s for %s"
                        .formatted(name(), id, state(), time(job.path("duration").asLong())));
        if (!hasEngine()) {
            lines.add("No metrics of an inference operator so far.");
            return lines;
        }
        lines.add(
                "model %s, %s"
                        .formatted(
                                String.join(", ", metrics.models()),
                                metrics.engines() == 1
                                        ? "1 engine"
                                        : metrics.engines() + " engines"));
        load(lines);
        engine(lines);
        latencies(lines);
        safety(lines);
        return lines;
    }

    private void load(List<String> lines) {
        lines.add(
                line(
                        "answers",
                        perSecond("answered_per_second"),
                        count(metrics.sum("answered")) + " in all"));
        Map<String, Double> failures = metrics.positive("code.", ".failures");
        lines.add(
                line(
                        "dead letters",
                        count(failures.values().stream().mapToDouble(each -> each).sum()),
                        failures.entrySet().stream()
                                .map(each -> each.getKey() + " " + count(each.getValue()))
                                .collect(Collectors.joining(", "))));
        double prompt = metrics.sum("prompt_tokens");
        lines.add(
                line(
                        "tokens",
                        perSecond("generated_tokens_per_second"),
                        "%s generated, %s of prompts (%s cached)"
                                .formatted(
                                        count(metrics.sum("generated_tokens")),
                                        count(prompt),
                                        percent(metrics.sum("cached_prompt_tokens") / prompt))));
        lines.add(
                line(
                        "in flight",
                        count(metrics.sum("in_flight_requests")),
                        count(metrics.sum("pendingRecords")) + " not read"));
        lines.add(line("saturation", percent(metrics.max("saturation")), ""));
    }

    private void engine(List<String> lines) {
        lines.add(line("engine busy", percent(metrics.max("engine_busy")), ""));
        lines.add(
                line(
                        "occupancy",
                        percent(metrics.max("occupancy")),
                        "%s running, %s waiting"
                                .formatted(
                                        count(metrics.sumOfEngines("running")),
                                        count(metrics.sumOfEngines("waiting")))));
        lines.add(
                line(
                        "steps",
                        count(metrics.sumOfEngines("steps")),
                        count(metrics.max("step_tokens")) + " tokens in the last"));
        double used = metrics.sumOfEngines("kv_blocks_used");
        double total = metrics.sumOfEngines("kv_blocks_total");
        lines.add(
                line(
                        "KV blocks",
                        percent(used / total),
                        "%s of %s, %s preemptions"
                                .formatted(
                                        count(used),
                                        count(total),
                                        count(metrics.sumOfEngines("preemptions")))));
    }

    private void latencies(List<String> lines) {
        lines.add(row("of the last minute", List.of("p50", "p95", "p99")));
        latency(lines, "first token (ms)", "time_to_first_token");
        latency(lines, "output token (µs)", "time_per_output_token");
        latency(lines, "end to end (ms)", "end_to_end");
        latency(lines, "queue (ms)", "queue_time");
    }

    private void latency(List<String> lines, String label, String metric) {
        lines.add(
                row(
                        label,
                        QUANTILES.stream()
                                .map(each -> count(metrics.max(metric + "_" + each)))
                                .toList()));
    }

    private void safety(List<String> lines) {
        JsonNode latest = checkpoints.at("/latest/completed");
        JsonNode counts = checkpoints.path("counts");
        String failed = count(counts.path("failed").asLong()) + " failed";
        if (latest.has("latest_ack_timestamp")) {
            long age = job.path("now").asLong() - latest.path("latest_ack_timestamp").asLong();
            lines.add(
                    line(
                            "checkpoint",
                            time(Math.max(0, age)) + " ago",
                            "%s ms, %s bytes; %s completed, %s"
                                    .formatted(
                                            count(latest.path("end_to_end_duration").asLong()),
                                            count(latest.path("state_size").asLong()),
                                            count(counts.path("completed").asLong()),
                                            failed)));
        } else {
            lines.add(line("checkpoint", "none yet", failed));
        }
        lines.add(line("restarts", count(restarts), ""));
        double offsets = metrics.sum("lost_input_offsets");
        double transactions = metrics.sum("lost_transactions");
        if (offsets + transactions > 0) {
            lines.add(
                    line(
                            "lost",
                            "",
                            count(offsets)
                                    + " offsets of the input, "
                                    + count(transactions)
                                    + " transactions"));
        }
    }

    private String perSecond(String metric) {
        return String.format(Locale.ROOT, "%.1f /s", metrics.sum(metric));
    }

    private static String line(String label, String value, String more) {
        return padded(padded(label, LABEL) + value, LABEL + VALUE).concat(more).stripTrailing();
    }

    private static String row(String label, List<String> cells) {
        StringBuilder row = new StringBuilder(padded(label, LABEL));
        cells.forEach(cell -> row.append(padded(cell, VALUE / 2)));
        return row.toString().stripTrailing();
    }

    private static String padded(String text, int width) {
        return text + " ".repeat(Math.max(1, width - text.length()));
    }

    private static String count(double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%,.0f", value);
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? "-" : String.format(Locale.ROOT, "%.0f %%", 100 * share);
    }

    /** Two units at most. */
    private static String time(long ms) {
        long seconds = ms / 1000;
        if (seconds < 60) {
            return String.format(Locale.ROOT, "%.1f s", ms / 1000.0);
        }
        if (seconds < 3600) {
            return seconds / 60 + " min " + seconds % 60 + " s";
        }
        long hours = seconds / 3600;
        return hours < 48
                ? hours + " h " + seconds / 60 % 60 + " min"
                : hours / 24 + " d " + hours % 24 + " h";
    }
}
