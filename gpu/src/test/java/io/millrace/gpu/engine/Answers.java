package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;

/** What decoder engines answer, as tests compare it. */
final class Answers {
    private Answers() {}

    static List<String> answers(DecoderSettings settings, List<GenerationRequest> requests)
            throws RequestRejectedException {
        DecoderEngine engine = settings.open();
        RecordingListener listener = new RecordingListener();
        List<Long> handles = new ArrayList<>();
        for (GenerationRequest request : requests) {
            handles.add(engine.add(request));
        }
        listener.drain(engine);
        assertThat(engine.stats().kvBlocksUsed()).isZero();
        for (long handle : handles) {
            for (Completion completion : listener.results.get(handle).completions()) {
                assertThat(listener.tokens(handle, completion.index()))
                        .isEqualTo(completion.tokenIds());
            }
        }
        return handles.stream().map(h -> describe(listener.results.get(h))).toList();
    }

    /**
     * Of requests that come and go; null of one that was cancelled.
     *
     * @param seed of how many steps come between two requests, and of who is cancelled; 0 for none
     */
    static List<String> answers(DecoderEngine engine, List<GenerationRequest> requests, long seed)
            throws RequestRejectedException {
        Random random = new Random(seed);
        RecordingListener listener = new RecordingListener();
        List<Long> handles = new ArrayList<>();
        for (GenerationRequest request : requests) {
            handles.add(engine.add(request));
            for (int i = seed == 0 ? 0 : random.nextInt(4); i > 0; i--) {
                listener.step(engine);
            }
            if (seed != 0 && random.nextInt(5) == 0) {
                engine.cancel(handles.get(random.nextInt(handles.size())));
                engine.checkIntegrity();
            }
        }
        listener.drain(engine);
        assertThat(engine.stats().kvBlocksUsed()).isZero();
        List<String> answers = new ArrayList<>();
        for (long handle : handles) {
            GenerationResult result = listener.results.get(handle);
            answers.add(result == null ? null : describe(result));
        }
        return answers;
    }

    static GenerationResult run(DecoderEngine engine, GenerationRequest request)
            throws RequestRejectedException {
        RecordingListener listener = new RecordingListener();
        long handle = engine.add(request);
        listener.drain(engine);
        return listener.results.get(handle);
    }

    static String text(String id, UnaryOperator<SamplingParameters.Builder> change)
            throws RequestRejectedException {
        return run(ROOMY.open(), request(id, "hello", change)).completions().get(0).text();
    }

    /** All that a result says, floats by their bits. */
    static String describe(GenerationResult result) {
        StringBuilder all = new StringBuilder().append(result.promptTokens());
        for (Completion c : result.completions()) {
            all.append('\n').append(c.index()).append(' ').append(c.text()).append(' ');
            all.append(Arrays.toString(c.tokenIds())).append(c.finishReason());
            for (TokenLogprobs p : c.logprobs() == null ? List.<TokenLogprobs>of() : c.logprobs()) {
                all.append(' ').append(p.tokenId()).append(Float.floatToRawIntBits(p.logprob()));
                all.append(Arrays.toString(p.topIds()));
                for (float top : p.topLogprobs()) {
                    all.append(' ').append(Float.floatToRawIntBits(top));
                }
            }
        }
        return all.toString();
    }
}
