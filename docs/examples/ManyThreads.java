import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.engine.OpenEngine;
import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SessionListener;
import io.millrace.gpu.session.SharedEngine;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.IntStream;

/** An engine that any thread may ask, as a server does: ManyThreads MODEL TEXT... */
public final class ManyThreads implements SessionListener, AutoCloseable {
    private final EngineSession session;

    /** Runs one task at a time: what follows needs no lock. */
    private final ExecutorService owner = Executors.newSingleThreadExecutor();

    private final Map<Long, CompletableFuture<GenerationResult>> waiting = new HashMap<>();
    private Throwable failure;

    private ManyThreads(EngineSession session) {
        this.session = session;
        // On the engine's thread, which must not be held up.
        session.onEvents(() -> execute(this::drain));
    }

    /** Any thread. */
    CompletableFuture<GenerationResult> answer(String id, String prompt, SamplingParameters how) {
        CompletableFuture<GenerationResult> answer = new CompletableFuture<>();
        GenerationRequest request =
                GenerationRequest.of(id, session.tokenizer().encode(prompt), how);
        execute(
                () -> {
                    if (failure != null) {
                        answer.completeExceptionally(failure);
                    } else {
                        waiting.put(session.submit(request), answer);
                    }
                });
        return answer;
    }

    private void execute(Runnable task) {
        try {
            owner.execute(task);
        } catch (RejectedExecutionException e) {
            // Closed.
        }
    }

    private void drain() {
        try {
            session.drain(this);
        } catch (RuntimeException | Error e) {
            // The engine is dead: acquire another.
            failure = e;
            waiting.values().forEach(each -> each.completeExceptionally(e));
            waiting.clear();
        }
    }

    @Override
    public void onAdmitted(long ticket, long timeMs) {}

    @Override
    public void onToken(long ticket, int completion, int tokenId, long timeMs) {}

    @Override
    public void onFinished(long ticket, GenerationResult result, long timeMs) {
        waiting.remove(ticket).complete(result);
    }

    @Override
    public void onFailed(long ticket, Exception cause) {
        waiting.remove(ticket).completeExceptionally(cause);
    }

    @Override
    public void close() {
        session.close();
        owner.shutdown();
    }

    public static void main(String[] arguments) throws Exception {
        SamplingParameters how = SamplingParameters.builder().maxTokens(24).build();
        EngineOptions options = EngineOptions.of(arguments[0]);
        try (ManyThreads engine =
                new ManyThreads(SharedEngine.acquire(options, new OpenEngine()))) {
            List<String> lines =
                    IntStream.range(1, arguments.length)
                            .parallel()
                            .mapToObj(
                                    i -> {
                                        String prompt = arguments[i] + "\n\n### Triage\n";
                                        GenerationResult result =
                                                engine.answer("mail-" + i, prompt, how).join();
                                        return result.id()
                                                + " = "
                                                + result.completions().get(0).text();
                                    })
                            .toList();
            lines.forEach(System.out::println);
        }
    }
}
