package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.StepListener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Remembers what it was told, and drives an engine to its end. */
final class RecordingListener implements StepListener {
    final Map<Long, GenerationResult> results = new HashMap<>();
    final Map<Long, String> failures = new HashMap<>();
    final List<Long> order = new ArrayList<>();
    private final Map<String, List<Integer>> tokens = new HashMap<>();

    @Override
    public void onToken(long handle, int completion, int tokenId) {
        requireAlive(handle);
        tokens.computeIfAbsent(handle + "." + completion, k -> new ArrayList<>()).add(tokenId);
    }

    @Override
    public void onFinished(long handle, GenerationResult result) {
        requireAlive(handle);
        results.put(handle, result);
        order.add(handle);
    }

    @Override
    public void onFailed(long handle, String reason) {
        requireAlive(handle);
        failures.put(handle, reason);
    }

    private void requireAlive(long handle) {
        if (results.containsKey(handle) || failures.containsKey(handle)) {
            throw new AssertionError("told of " + handle + " after its end");
        }
    }

    /** Tokens told of one completion. */
    int[] tokens(long handle, int completion) {
        return tokens.getOrDefault(handle + "." + completion, List.of()).stream()
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Steps until there is no work left, with a check of all bookkeeping after each. */
    void drain(Engine engine) {
        int steps = 0;
        while (engine.hasWork()) {
            step(engine);
            if (++steps > 100_000) {
                throw new AssertionError("the engine does not come to an end");
            }
        }
    }

    void step(Engine engine) {
        engine.step(this);
        engine.checkIntegrity();
    }
}
