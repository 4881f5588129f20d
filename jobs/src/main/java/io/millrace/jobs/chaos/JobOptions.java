package io.millrace.jobs.chaos;

import java.util.ArrayList;
import java.util.List;

/** The options of {@code run} for the job under test: the user's, and what they leave open. */
final class JobOptions {
    /** Room for 64 sequences of the longest kind, and small beside any GPU. */
    private static final String KV_CACHE = "256m";

    private final List<String> all;

    JobOptions(List<String> given) {
        all = new ArrayList<>(given);
    }

    void add(String option) {
        all.add(option);
    }

    void setUnlessGiven(String name, String value) {
        if (!isGiven(name)) {
            add(name + "=" + value);
        }
    }

    /**
     * The CPU unless something else was asked for. On a GPU, the KV cache is small: the
     * TaskManagers share the GPU, and the first one would take what the others need.
     */
    void chooseDevice() {
        setUnlessGiven("--device", "cpu");
        if (!all.contains("--device=cpu") && !isGiven("--gpu-memory-utilization")) {
            setUnlessGiven("--kv-cache-memory", KV_CACHE);
        }
    }

    List<String> all() {
        return List.copyOf(all);
    }

    private boolean isGiven(String name) {
        return all.stream().anyMatch(each -> each.startsWith(name + "="));
    }
}
