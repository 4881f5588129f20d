package io.millrace.jobs.top;

import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;

/** The metrics of a job, over its subtasks and engines. */
final class JobMetrics {
    private final TreeSet<String> models = new TreeSet<>();
    private final TreeSet<String> engines = new TreeSet<>();
    private final Map<String, Double> sums = new TreeMap<>();

    /** The largest of each engine: subtasks that share one report the same. */
    private final Map<String, Map<String, Double>> largest = new TreeMap<>();

    /**
     * Adds a value of one subtask.
     *
     * @param engine the TaskManager, which has one engine
     */
    void add(Matcher name, String engine, String text) {
        String own = name.group("own");
        if (own != null) {
            models.add(name.group("model"));
            engines.add(engine);
        }
        double value;
        try {
            value = Double.parseDouble(text);
        } catch (NumberFormatException e) {
            return;
        }
        // A histogram without values of the last minute has none.
        if (Double.isFinite(value)) {
            String key = own != null ? own : name.group("other");
            sums.merge(key, value, Double::sum);
            largest.computeIfAbsent(key, each -> new TreeMap<>()).merge(engine, value, Math::max);
        }
    }

    TreeSet<String> models() {
        return models;
    }

    int engines() {
        return engines.size();
    }

    /** Over all subtasks; 0 for none. */
    double sum(String name) {
        return sums.getOrDefault(name, 0.0);
    }

    /** Over all engines; 0 for none. */
    double sumOfEngines(String name) {
        return largest.getOrDefault(name, Map.of()).values().stream()
                .mapToDouble(Double::doubleValue)
                .sum();
    }

    /** Over all engines; NaN for none. */
    double max(String name) {
        return largest.getOrDefault(name, Map.of()).values().stream()
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(Double.NaN);
    }

    /** What is above 0, by the rest of a name between {@code begin} and {@code end}. */
    Map<String, Double> positive(String begin, String end) {
        Map<String, Double> positive = new TreeMap<>();
        sums.forEach(
                (name, value) -> {
                    if (name.startsWith(begin) && name.endsWith(end) && value > 0) {
                        positive.put(
                                name.substring(begin.length(), name.length() - end.length()),
                                value);
                    }
                });
        return positive;
    }
}
