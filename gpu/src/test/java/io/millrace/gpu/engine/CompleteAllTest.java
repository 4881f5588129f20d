package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.TinyModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompleteAllTest {
    @TempDir Path folder;
    private Engine engine;

    @BeforeEach
    void open() throws Exception {
        engine = Engine.open(EngineOptions.of(TinyModels.llama().write(folder.resolve("m")) + ""));
    }

    @AfterEach
    void close() {
        engine.close();
    }

    /** Keeps the text of each completion, by the request's id. */
    private static final class Texts implements TextListener {
        private final Map<String, List<String>> pieces = new HashMap<>();
        private final Set<Thread> threads = new HashSet<>();
        private final List<GenerationResult> finished = new ArrayList<>();

        @Override
        public void onText(GenerationRequest request, int completion, String text) {
            threads.add(Thread.currentThread());
            pieces.computeIfAbsent(request.id() + "/" + completion, id -> new ArrayList<>())
                    .add(text);
        }

        @Override
        public void onFinished(GenerationRequest request, GenerationResult result) {
            assertThat(result.id()).isEqualTo(request.id());
            for (Completion completion : result.completions()) {
                assertThat(of(request.id(), completion.index())).isEqualTo(completion.text());
            }
            finished.add(result);
        }

        String of(String id, int completion) {
            return String.join("", pieces.getOrDefault(id + "/" + completion, List.of()));
        }
    }

    private List<GenerationRequest> requests(SamplingParameters sampling, int count) {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] prompt = engine.tokenizer().encode("hello ".repeat(i + 1));
            requests.add(GenerationRequest.of("r" + i, prompt, sampling));
        }
        return requests;
    }

    private static SamplingParameters.Builder varied() {
        return SamplingParameters.builder().maxTokens(54).temperature(1).ignoreEos(true);
    }

    @Test
    void textIsToldPieceByPieceAndIsTheResultsText() throws Exception {
        List<GenerationRequest> requests = requests(varied().n(3).build(), 17);
        Texts texts = new Texts();
        List<GenerationResult> results = engine.complete(requests, texts);
        assertThat(results).extracting(GenerationResult::id).containsExactly(ids(requests));
        assertThat(texts.finished).containsExactlyInAnyOrderElementsOf(results);
        assertThat(texts.threads).containsExactly(Thread.currentThread());
        assertThat(texts.pieces).hasSize(17 * 3);
        assertThat(texts.pieces.values()).anyMatch(pieces -> pieces.size() > 5);
    }

    private static String[] ids(List<GenerationRequest> requests) {
        return requests.stream().map(GenerationRequest::id).toArray(String[]::new);
    }

    @Test
    void aStopStringIsNeverToldNorABeginningOfIt() throws Exception {
        GenerationRequest request = requests(varied().build(), 1).get(0);
        String whole = engine.complete(List.of(request)).get(0).completions().get(0).text();
        for (int at : new int[] {1, 5, 17}) {
            int from = whole.offsetByCodePoints(0, at);
            String stop = whole.substring(from, whole.offsetByCodePoints(from, 3));
            Texts texts = new Texts();
            GenerationRequest stopped = requests(varied().stop(List.of(stop)).build(), 1).get(0);
            engine.complete(List.of(stopped), texts);
            assertThat(texts.of("r0", 0)).isEqualTo(whole.substring(0, whole.indexOf(stop)));
        }
    }

    @Test
    void whatWasGeneratedBeforeIsPartOfTheText() throws Exception {
        GenerationRequest request = requests(varied().build(), 1).get(0);
        Completion whole = engine.complete(List.of(request)).get(0).completions().get(0);
        for (int logprobs : new int[] {-1, 1}) {
            SamplingParameters sampling = varied().logprobs(logprobs).build();
            for (int before : new int[] {1, 17, 54}) {
                Texts texts = new Texts();
                int[] tokens = Arrays.copyOf(whole.tokenIds(), before);
                GenerationRequest resumed =
                        new GenerationRequest(
                                "r0", request.promptTokenIds(), sampling, 0, List.of(tokens));
                engine.complete(List.of(resumed), texts);
                assertThat(texts.of("r0", 0)).isEqualTo(whole.text());
            }
        }
    }

    @Test
    void aListenerThatThrowsEndsTheCallAndNotTheEngine() throws Exception {
        List<GenerationRequest> requests = requests(varied().build(), 5);
        List<GenerationResult> undisturbed = engine.complete(requests);
        int[] calls = {0};
        TextListener throwing =
                (request, completion, text) -> {
                    if (++calls[0] == 7) {
                        throw new IllegalArgumentException("the seventh");
                    }
                };
        assertThatThrownBy(() -> engine.complete(requests, throwing))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the seventh");
        assertThat(calls[0]).isEqualTo(7);
        assertThat(engine.hasWork()).isFalse();
        engine.checkIntegrity();
        assertThat(texts(engine.complete(requests))).isEqualTo(texts(undisturbed));
    }

    private static List<String> texts(List<GenerationResult> results) {
        return results.stream().map(r -> r.id() + r.completions().get(0).text()).toList();
    }
}
