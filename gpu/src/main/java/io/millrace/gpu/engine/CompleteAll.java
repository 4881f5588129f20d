package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.StepListener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Answers a list of requests with an engine that has no other work. */
final class CompleteAll implements StepListener {
    private final Engine engine;
    private final Map<Long, GenerationResult> results = new HashMap<>();
    private final List<Long> handles = new ArrayList<>();
    private String failure;

    CompleteAll(Engine engine) {
        this.engine = engine;
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
                handles.add(engine.add(request));
            }
            while (engine.hasWork() && failure == null) {
                engine.step(this);
            }
        } finally {
            // Nothing is left behind, whatever went wrong; finished ones are ignored.
            handles.forEach(engine::cancel);
        }
        if (failure != null) {
            while (engine.hasWork()) {
                // Steps that were launched before it failed.
                engine.step(this);
            }
            throw new IllegalStateException(failure);
        }
        return handles.stream().map(results::get).toList();
    }

    @Override
    public void onToken(long handle, int completion, int tokenId) {
        // The result has all tokens.
    }

    @Override
    public void onFinished(long handle, GenerationResult result) {
        results.put(handle, result);
    }

    @Override
    public void onFailed(long handle, String reason) {
        failure = reason;
    }
}
