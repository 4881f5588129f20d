package io.millrace.jobs.bench;

import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.engine.Engine;
import io.millrace.jobs.cli.CommandFailedException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Answers requests that are submitted at once, and records times. Engine thread. */
final class TimedRun implements StepListener {

    /** Times of one request, by {@link System#nanoTime}. */
    private static final class Times {
        long first;
        long last;
        int tokens;
        GenerationResult result;
    }

    private final Map<Long, Times> byHandle = new HashMap<>();
    private final List<Times> all = new ArrayList<>();
    private final long start;
    private final long end;
    private int begun;
    private int finished;
    private int tokens;

    /** End of the step in which the last request began to decode. */
    private long steadyFrom;

    private int tokensBefore;

    /** End of the step in which the first request was finished. */
    private long steadyTo;

    private int tokensAfter;

    /** Seconds of each step between these two. */
    private final List<Double> steadySteps = new ArrayList<>();

    private double mostKvUsed;

    /** Idle microseconds of the device before decoding steps and before others. */
    private final List<Double> decodeGaps = new ArrayList<>();

    private final List<Double> mixedGaps = new ArrayList<>();

    /** Whether the device had work before the step. */
    private boolean hadWork;

    private TimedRun(Engine engine, List<GenerationRequest> requests)
            throws RequestRejectedException {
        start = System.nanoTime();
        for (GenerationRequest request : requests) {
            Times times = new Times();
            all.add(times);
            byHandle.put(engine.add(request), times);
        }
        while (engine.hasWork()) {
            long before = System.nanoTime();
            engine.step(this);
            if (steadyFrom != 0 && steadyTo == 0 && finished == 0) {
                steadySteps.add((System.nanoTime() - before) / 1e9);
            }
            EngineStats stats = engine.stats();
            mostKvUsed =
                    Math.max(mostKvUsed, (double) stats.kvBlocksUsed() / stats.kvBlocksTotal());
            if (steadyFrom == 0 && begun == all.size()) {
                steadyFrom = System.nanoTime();
                tokensBefore = tokens;
            }
            if (steadyTo == 0 && finished > 0) {
                steadyTo = System.nanoTime();
                tokensAfter = tokens;
            }
        }
        end = System.nanoTime();
    }

    static TimedRun of(Engine engine, List<GenerationRequest> requests) {
        try {
            return new TimedRun(engine, requests);
        } catch (RequestRejectedException e) {
            throw new CommandFailedException(
                    "The model does not take a request of the benchmark: " + e.getMessage(), e);
        }
    }

    @Override
    public void onToken(long handle, int completion, int tokenId) {
        Times times = byHandle.get(handle);
        times.last = System.nanoTime();
        if (times.tokens++ == 0) {
            times.first = times.last;
            begun++;
        }
        tokens++;
    }

    @Override
    public void onDeviceGap(int stepTokens, int rows, long nanos) {
        if (hadWork) {
            (stepTokens == rows ? decodeGaps : mixedGaps).add(nanos / 1e3);
        }
        hadWork = true;
    }

    @Override
    public void onFinished(long handle, GenerationResult result) {
        byHandle.get(handle).result = result;
        finished++;
    }

    /** Token ids of a request's answer. */
    int[] answer(int request) {
        return all.get(request).result.completions().get(0).tokenIds();
    }

    double outputPerSecond() {
        return tokens / seconds();
    }

    double totalPerSecond() {
        int prompts = all.stream().mapToInt(times -> times.result.promptTokens()).sum();
        return (prompts + tokens) / seconds();
    }

    /** Tokens per second while all requests are decoding: none in prefill, none done. */
    double steadyPerSecond() {
        if (tokensAfter <= tokensBefore || steadyTo <= steadyFrom) {
            throw new CommandFailedException(
                    all.size()
                            + " sequences never ran all at once: give more --kv-cache-memory or a"
                            + " smaller --batch.");
        }
        return (tokensAfter - tokensBefore) / ((steadyTo - steadyFrom) / 1e9);
    }

    /** Tokens per second of the median step in which all requests are decoding. */
    double decodePerSecond() {
        // Throws if there was no such step.
        steadyPerSecond();
        List<Double> sorted = steadySteps.stream().sorted().toList();
        return all.size() / sorted.get((sorted.size() - 1) / 2);
    }

    double requestsPerSecond() {
        return all.size() / seconds();
    }

    /** Maximum share of KV blocks in use by sequences. */
    double mostKvUsed() {
        return mostKvUsed;
    }

    /** Idle microseconds of the device before decoding steps; ascending. */
    double[] decodeGapMicros() {
        return sorted(decodeGaps);
    }

    /** The same before steps with prefill; ascending. */
    double[] mixedGapMicros() {
        return sorted(mixedGaps);
    }

    private static double[] sorted(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    }

    /** Share of the time in which the device was busy; 1 if unknown. */
    double busy() {
        double gaps =
                Stream.concat(decodeGaps.stream(), mixedGaps.stream())
                        .mapToDouble(Double::doubleValue)
                        .sum();
        return 1 - gaps / 1e6 / seconds();
    }

    /** Prompt tokens per second until all first tokens. */
    double promptPerSecond() {
        int prompts = all.stream().mapToInt(times -> times.result.promptTokens()).sum();
        return prompts / ((steadyFrom - start) / 1e9);
    }

    /** Milliseconds from the start to each request's first token, ascending. */
    double[] firstTokenMillis() {
        return all.stream().mapToDouble(times -> (times.first - start) / 1e6).sorted().toArray();
    }

    /** Milliseconds per token after the first, of each request with more than one; ascending. */
    double[] tokenMillis() {
        return all.stream()
                .filter(times -> times.tokens > 1)
                .mapToDouble(times -> (times.last - times.first) / 1e6 / (times.tokens - 1))
                .sorted()
                .toArray();
    }

    private double seconds() {
        return (end - start) / 1e9;
    }

    /** Fails if an answer has another length than requested. */
    void checkLengths(List<GenerationRequest> requests) {
        for (int i = 0; i < all.size(); i++) {
            int asked = requests.get(i).sampling().maxTokens();
            if (answer(i).length != asked) {
                throw new CommandFailedException(
                        "A request for %d tokens got %d: nothing of this run counts."
                                .formatted(asked, answer(i).length));
            }
        }
    }

    /** Fails if an answer has a token outside of the vocabulary. */
    void checkTokens(int vocabulary) {
        for (int i = 0; i < all.size(); i++) {
            for (int token : answer(i)) {
                if (token < 0 || token >= vocabulary) {
                    throw new CommandFailedException(
                            "A request got token %d of %d: nothing of this run counts."
                                    .formatted(token, vocabulary));
                }
            }
        }
    }

    /** Fails if an answer differs from that of another run. */
    void checkAnswer(int request, TimedRun other, int there) {
        checkAnswer(request, other.answer(there));
    }

    /** Fails if tokens differ from this run's answer. */
    void checkAnswer(int request, int[] tokens) {
        if (!Arrays.equals(answer(request), tokens)) {
            throw new CommandFailedException(
                    "A request got other tokens in one run than in another: the first law is"
                            + " broken, nothing of this run counts.");
        }
    }
}
