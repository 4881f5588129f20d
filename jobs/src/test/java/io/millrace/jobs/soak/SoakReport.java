package io.millrace.jobs.soak;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.jobs.bench.result.BenchOrigin;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What a soak has measured, in ten parts of equal length.
 *
 * @param samples in the order of time, at least ten
 */
record SoakReport(List<Sample> samples) {
    /** What the last part may have of the first. */
    static final double MOST = 1.02;

    private static final int PARTS = 10;

    /**
     * One look at the process, after a completed checkpoint and a forced garbage collection.
     *
     * @param answered requests that have their answer or failure by then
     * @param heapBytes heap in use
     * @param inFlight requests in the checkpoint
     * @param stateBytes their bytes there
     * @param threads live threads
     * @param handles open file descriptors
     */
    record Sample(
            long answered,
            long heapBytes,
            int inFlight,
            long stateBytes,
            int threads,
            long handles) {
        double stateBytesPerRequest() {
            return (double) stateBytes / inFlight;
        }
    }

    SoakReport {
        if (samples.size() < PARTS) {
            throw new IllegalArgumentException(
                    "There are %d samples: at least %d are needed."
                            .formatted(samples.size(), PARTS));
        }
        samples = List.copyOf(samples);
    }

    /** Median heap of the last part over that of the first. */
    double heapRatio() {
        return ratio(Sample::heapBytes);
    }

    /** The same of the state of a request in flight. */
    double stateRatio() {
        return ratio(Sample::stateBytesPerRequest);
    }

    /** What grew, one sentence each; empty if nothing did. */
    List<String> faults() {
        List<String> faults = new ArrayList<>();
        requireFlat("heap after a garbage collection", heapRatio(), faults);
        requireFlat("state per request in flight", stateRatio(), faults);
        requireEqual("threads", Sample::threads, faults);
        requireEqual("handles", Sample::handles, faults);
        return faults;
    }

    private static void requireFlat(String what, double ratio, List<String> faults) {
        if (!(ratio <= MOST)) {
            faults.add(
                    "The %s of the last tenth is %.4f times that of the first, more than %s."
                            .formatted(what, ratio, MOST));
        }
    }

    private void requireEqual(String what, ToDoubleFunction<Sample> value, List<String> faults) {
        double first = median(0, value);
        double last = median(PARTS - 1, value);
        if (first != last) {
            faults.add(
                    "There were %.0f %s in the first tenth, %.0f in the last."
                            .formatted(first, what, last));
        }
    }

    private double ratio(ToDoubleFunction<Sample> value) {
        return median(PARTS - 1, value) / median(0, value);
    }

    /** The median of one of the ten parts. */
    private double median(int part, ToDoubleFunction<Sample> value) {
        int from = samples.size() * part / PARTS;
        int to = samples.size() * (part + 1) / PARTS;
        double[] sorted = samples.subList(from, to).stream().mapToDouble(value).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /**
     * Writes it as JSON.
     *
     * @param run what ran, by name
     */
    void write(Path file, Map<String, Object> run, BenchOrigin origin) throws IOException {
        Map<String, Object> all = new LinkedHashMap<>(run);
        all.put("machine", origin.machine());
        all.put("commit", origin.commit());
        all.put("samples", samples.size());
        List<Map<String, Object>> tenths = new ArrayList<>();
        for (int part = 0; part < PARTS; part++) {
            Map<String, Object> tenth = new LinkedHashMap<>();
            tenth.put("answered", Math.round(median(part, Sample::answered)));
            tenth.put("heap_bytes", Math.round(median(part, Sample::heapBytes)));
            tenth.put("in_flight", Math.round(median(part, Sample::inFlight)));
            tenth.put(
                    "state_bytes_per_request",
                    Math.round(10 * median(part, Sample::stateBytesPerRequest)) / 10.0);
            tenth.put("threads", Math.round(median(part, Sample::threads)));
            tenth.put("handles", Math.round(median(part, Sample::handles)));
            tenths.add(tenth);
        }
        all.put("medians_by_tenth", tenths);
        all.put("heap_last_over_first", Math.round(1e4 * heapRatio()) / 1e4);
        all.put("state_last_over_first", Math.round(1e4 * stateRatio()) / 1e4);
        all.put("faults", faults());
        Files.writeString(
                file,
                new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
    }
}
