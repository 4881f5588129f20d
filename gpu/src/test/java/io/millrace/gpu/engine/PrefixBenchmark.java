package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Measures what the prefix tree is worth: requests with a long prefix each its own, with one that
 * all share, and the same ones again.
 *
 * <pre>
 * mvn -q -Pfast -pl gpu -am package
 * java --add-modules=jdk.incubator.vector -Xmx4g -cp ... io.millrace.gpu.engine.PrefixBenchmark [FOLDER]
 * </pre>
 *
 * Without a folder: random weights in the shape of the model that ships.
 */
final class PrefixBenchmark {
    private static final int REQUESTS = 64;
    private static final int PREFIX = 512;
    private static final int OWN = 32;
    private static final int ANSWER = 16;

    private PrefixBenchmark() {}

    public static void main(String[] args) throws IOException, RequestRejectedException {
        String folder =
                args.length > 0
                        ? args[0]
                        : TinyModels.llama()
                                .hidden(256)
                                .layers(8)
                                .heads(4, 2, 64)
                                .intermediate(704)
                                .vocabulary(6144)
                                .context(1024)
                                .tied(true)
                                .dtype(DType.BF16)
                                .write(Files.createTempDirectory("millrace-benchmark"))
                                .toString();
        try (Engine engine = Engine.open(EngineOptions.of(folder))) {
            measure(engine, "warm-up", requests(engine, 1, false));
            measure(engine, "each its own prefix", requests(engine, 2, false));
            measure(engine, "one prefix, first time", requests(engine, 3, true));
            measure(engine, "the same again", requests(engine, 3, true));
        }
    }

    private static void measure(Engine engine, String what, List<GenerationRequest> requests)
            throws RequestRejectedException {
        long start = System.nanoTime();
        List<GenerationResult> results = engine.complete(requests);
        double seconds = (System.nanoTime() - start) / 1e9;
        int prompt = results.stream().mapToInt(GenerationResult::promptTokens).sum();
        int cached = results.stream().mapToInt(GenerationResult::cachedTokens).sum();
        System.out.printf(
                Locale.ROOT,
                "%-24s %8.2f s %8.1f requests/s %8.1f %% of the prompt tokens found%n",
                what,
                seconds,
                requests.size() / seconds,
                100.0 * cached / prompt);
    }

    private static List<GenerationRequest> requests(Engine engine, long seed, boolean shared) {
        Random random = new Random(seed);
        int vocabulary = Math.min(256, engine.model().vocabularySize());
        SamplingParameters sampling =
                SamplingParameters.builder().maxTokens(ANSWER).ignoreEos(true).build();
        int[] prefix = random.ints(PREFIX, 0, vocabulary).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < REQUESTS; i++) {
            int[] prompt = random.ints(PREFIX + OWN, 0, vocabulary).toArray();
            if (shared) {
                System.arraycopy(prefix, 0, prompt, 0, PREFIX);
            }
            requests.add(GenerationRequest.of(seed + "." + i, prompt, sampling));
        }
        return requests;
    }
}
