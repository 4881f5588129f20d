package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.StepListener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Completes a list of requests on an engine that has no other work. */
final class CompleteAll implements StepListener {

    /** A request, and the streamed text of its completions; none without a listener. */
    private record Running(GenerationRequest request, List<StreamedText> texts) {}

    private final Engine engine;
    private final TextListener listener;
    private final Map<Long, Running> running = new HashMap<>();
    private final Map<Long, GenerationResult> results = new HashMap<>();
    private final List<Long> handles = new ArrayList<>();
    private RuntimeException failure;

    /**
     * @param listener null for none
     */
    CompleteAll(Engine engine, TextListener listener) {
        this.engine = engine;
        this.listener = listener;
    }

    List<GenerationResult> run(List<GenerationRequest> requests) throws RequestRejectedException {
        if (engine.hasWork()) {
            throw new IllegalStateException("The engine has other work, which would go unheard.");
        }
        for (GenerationRequest request : requests) {
            engine.check(request);
        }
        try {
            for (GenerationRequest request : requests) {
                long handle = engine.add(request);
                handles.add(handle);
                running.put(handle, new Running(request, texts(request)));
            }
            while (engine.hasWork() && failure == null) {
                engine.step(this);
            }
        } finally {
            // After a failure no request stays in the engine; finished ones are ignored.
            handles.forEach(engine::cancel);
        }
        if (failure != null) {
            while (engine.hasWork()) {
                // These are the steps that were launched before the failure.
                engine.step(this);
            }
            throw failure;
        }
        return handles.stream().map(results::get).toList();
    }

    private List<StreamedText> texts(GenerationRequest request) {
        List<StreamedText> texts = new ArrayList<>();
        for (int i = 0; listener != null && i < request.sampling().n(); i++) {
            int completion = i;
            StreamedText text =
                    engine.streamText(
                            request.sampling(),
                            piece -> tell(() -> listener.onText(request, completion, piece)));
            if (i < request.generated().size()) {
                for (int token : request.generated().get(i)) {
                    text.add(token);
                }
            }
            texts.add(text);
        }
        return texts;
    }

    /** Keeps what the listener throws until the step has ended, since other requests are in it. */
    private void tell(Runnable call) {
        if (failure != null) {
            return;
        }
        try {
            call.run();
        } catch (RuntimeException e) {
            failure = e;
        }
    }

    @Override
    public void onToken(long handle, int completion, int tokenId) {
        List<StreamedText> texts = running.get(handle).texts();
        if (!texts.isEmpty()) {
            texts.get(completion).add(tokenId);
        }
    }

    @Override
    public void onFinished(long handle, GenerationResult result) {
        results.put(handle, result);
        Running finished = running.remove(handle);
        if (listener != null) {
            for (Completion completion : result.completions()) {
                finished.texts().get(completion.index()).finish(completion.text());
            }
            tell(() -> listener.onFinished(finished.request(), result));
        }
    }

    @Override
    public void onFailed(long handle, String reason) {
        if (failure == null) {
            failure = new IllegalStateException(reason);
        }
    }
}
