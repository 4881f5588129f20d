package io.millrace.jobs;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.ChatTurn;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.StreamedText;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.EngineArguments;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.config.ConfigArgument;
import io.millrace.jobs.cli.config.ConfiguredArguments;
import io.millrace.jobs.corpus.SamplingArguments;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Completes one prompt with the engine only, without Kafka and Flink. */
@Command(
        name = "generate",
        preprocessor = ConfiguredArguments.class,
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = "Completes one prompt on this machine and streams the text.")
final class GenerateCommand implements Callable<Integer> {
    @Mixin private EngineArguments engine = new EngineArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();
    @Mixin private ConfigArgument config = new ConfigArgument();

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "TEXT",
            required = true,
            description = "The prompt; - reads it from standard input.")
    private String prompt;

    @Option(
            names = "--id",
            paramLabel = "ID",
            defaultValue = "generate",
            description =
                    "The request's id, from which the seed is made if there is none: with the id of a"
                            + " request on a topic, the answer is the same.")
    private String id;

    @Option(
            names = "--chat",
            description = "Takes the prompt as a user's message, in the model's chat template.")
    private boolean chat;

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "System message before the user's, with --chat.")
    private String system;

    @Mixin private SamplingArguments sampling = new SamplingArguments();

    @Option(names = "--json", description = "Prints the result record as one line of JSON.")
    private boolean json;

    @Override
    public Integer call() throws IOException, RequestRejectedException {
        engine.checkFolder();
        if (id.isEmpty()) {
            throw new CommandFailedException("--id is empty: give a text, or leave it out.");
        }
        if (system != null && !chat) {
            throw new CommandFailedException(
                    "--system is part of a conversation: give --chat with it.");
        }
        sampling.check();
        PrintStream out = System.out;
        Progress progress = new Progress(System.err);
        long start = System.nanoTime();
        try (Engine opened =
                Engine.open(
                        engine.options(),
                        (phase, done, total) -> progress.percent("Model", phase, done, total))) {
            progress.line(
                    "Model",
                    "%s is loaded on %s (%.1f s)",
                    opened.model().name(),
                    opened.model().device(),
                    (System.nanoTime() - start) / 1e9);
            engine.warnOfNoise(progress);
            String text =
                    prompt.equals("-")
                            ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
                            : prompt;
            GenerationRequest request =
                    GenerationRequest.of(
                            id,
                            tokens(opened, text),
                            sampling.over(opened.model().defaultSampling()));
            boolean stream = !json && request.sampling().n() == 1;
            Answer answer =
                    new Answer(
                            stream
                                    ? opened.streamText(
                                            request.sampling(), piece -> write(piece, out))
                                    : null);
            opened.add(request);
            long began = System.nanoTime();
            while (opened.hasWork()) {
                opened.step(answer);
            }
            GenerationResult result = answer.result;
            show(opened, result, stream, out);
            double seconds = (System.nanoTime() - began) / 1e9;
            int tokens = result.completions().stream().mapToInt(c -> c.tokenIds().length).sum();
            progress.line(
                    "Done",
                    "%d prompt tokens, %d generated in %.2f s (%.1f tokens/s)",
                    result.promptTokens(),
                    tokens,
                    seconds,
                    tokens / seconds);
        }
        return 0;
    }

    private static void write(String text, PrintStream out) {
        out.print(text);
        out.flush();
    }

    private int[] tokens(Engine opened, String text) {
        if (!chat) {
            return opened.tokenizer().encode(text);
        }
        List<ChatTurn> turns = new ArrayList<>();
        if (system != null) {
            turns.add(new ChatTurn("system", system));
        }
        turns.add(new ChatTurn("user", text));
        try {
            return opened.encodeChat(ChatPrompt.of(turns, Instant.now()));
        } catch (RequestRejectedException e) {
            throw new CommandFailedException(e.getMessage(), e);
        }
    }

    private void show(Engine engine, GenerationResult result, boolean streamed, PrintStream out) {
        if (json) {
            out.println(ResultRecords.json(engine.model(), id, result));
        } else if (streamed) {
            out.println();
        } else {
            for (GenerationResult.Completion completion : result.completions()) {
                out.println("--- " + completion.index() + " (" + completion.finishReason() + ")");
                out.println(completion.text());
            }
        }
        out.flush();
    }

    /** Collects the answer, and shows its text incrementally. */
    private static final class Answer implements StepListener {
        private final StreamedText shown;
        private GenerationResult result;

        /**
         * @param shown null to collect the result only
         */
        Answer(StreamedText shown) {
            this.shown = shown;
        }

        @Override
        public void onToken(long handle, int completion, int tokenId) {
            if (shown != null) {
                shown.add(tokenId);
            }
        }

        @Override
        public void onFinished(long handle, GenerationResult finished) {
            result = finished;
            if (shown != null) {
                shown.finish(finished.completions().get(0).text());
            }
        }
    }
}
