package io.millrace.jobs.bench;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.common.Scope;
import io.millrace.gpu.engine.Engine;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.jobs.demo.DemoCommand;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.stream.AnswerReader;
import io.millrace.jobs.stream.AnswerReader.Answer;
import io.millrace.jobs.stream.AnswerReader.Failure;
import io.millrace.jobs.stream.EmbeddedJob;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.request.RequestMapper;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Measures the whole job against the engine only. Broker, cluster and both engines are in this
 * process; the same requests go through both in alternation, so that changes of the machine's speed
 * affect both.
 *
 * <p>The job's time is from before the first request is sent until the last answer is read from the
 * topic, at-least-once, so that it does not wait for a commit. The engine gets tokenized requests;
 * the job's time includes tokenizing.
 */
final class PipelineBench implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(5);
    private static final long PATIENCE_NANOS = Duration.ofMinutes(5).toNanos();

    /** Counted rounds; odd, for a median. */
    private static final int COUNTED = 5;

    /** Copies of the input per round, so that a round takes longer than a second. */
    private static final int COPIES = 8;

    /** One run through the job and one through the engine alone, with equal answers. */
    private record Round(TimedRun alone, double jobSeconds, int promptTokens, int outputTokens) {
        double output() {
            return outputTokens / jobSeconds;
        }

        double total() {
            return (promptTokens + outputTokens) / jobSeconds;
        }

        double share() {
            return output() / alone.outputPerSecond();
        }
    }

    private final List<InferenceRequest> requests;
    private final BenchRepeats repeats;
    private final int copies;
    private final Scope scope = new Scope();
    private final Path scratch;
    private final EmbeddedKafka broker;
    private final EmbeddedJob job;
    private final AnswerReader reader;
    private final KafkaProducer<byte[], byte[]> producer;
    private final RecordCodec<InferenceRequest> codec;
    private final String topic;
    private final Engine engine;

    /**
     * Starts broker, job and a second engine.
     *
     * @param repeats number of repeats; {@link BenchRepeats#QUICK} uses the input once
     */
    PipelineBench(EngineOptions options, List<InferenceRequest> requests, BenchRepeats repeats)
            throws IOException, InterruptedException {
        this.requests = requests;
        this.repeats = repeats;
        copies = repeats == BenchRepeats.QUICK ? 1 : COPIES;
        scratch = Files.createTempDirectory("millrace-bench-");
        scope.add(() -> DemoCommand.delete(scratch));
        try {
            broker = scope.add(EmbeddedKafka.start(scratch.resolve("kafka"), 0, Map.of()));
            JobArguments arguments = arguments(options, broker.bootstrapServers());
            DemoCommand.createTopics(arguments);
            topic = arguments.input.topics.get(0);
            codec = RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, topic);
            Progress silent = new Progress(new PrintStream(OutputStream.nullOutputStream()));
            job =
                    scope.add(
                            new EmbeddedJob(
                                    arguments, scratch.resolve("state").toString(), 0, silent));
            job.start();
            job.awaitRunning();
            reader =
                    scope.add(
                            new AnswerReader(
                                    arguments.kafka,
                                    FormatSettings.JSON,
                                    arguments.outputTopic,
                                    arguments.deadLetterTopic,
                                    true));
            producer =
                    scope.add(
                            new KafkaProducer<>(
                                    ClientProperties.producer(
                                            arguments.kafka.bootstrapServers, Map.of()),
                                    new ByteArraySerializer(),
                                    new ByteArraySerializer()));
            engine = scope.add(Engine.open(options));
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
    }

    private static JobArguments arguments(EngineOptions options, String servers) {
        return Arguments.parse(
                new JobArguments(),
                "--bootstrap-servers=" + servers,
                "--model=" + options.model(),
                "--device=" + options.device(),
                "--weights=" + options.weights(),
                "--add-bos=" + options.addBos(),
                "--threads=" + options.threads(),
                "--kv-cache-memory=" + options.kvCacheBytes() + "b",
                "--max-sequences=" + options.maxSequences(),
                "--application-id=bench",
                "--checkpoint-interval=5s",
                "--delivery=at-least-once");
    }

    /** Runs warm-up rounds until the compiler is nearly idle, then the counted ones. */
    void run(BenchRows rows) throws InterruptedException {
        int number = 0;
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        long start = System.nanoTime();
        for (double busy = 1; repeats.isCold(System.nanoTime() - start, busy); ) {
            long from = System.nanoTime();
            long compiled = compiler.getTotalCompilationTime();
            round(number++);
            double millis = (System.nanoTime() - from) / 1e6;
            busy = (compiler.getTotalCompilationTime() - compiled) / millis;
        }
        List<Round> rounds = new ArrayList<>();
        while (rounds.isEmpty() || repeats != BenchRepeats.QUICK && rounds.size() < COUNTED) {
            rounds.add(round(number++));
        }
        String input = copies == 1 ? "demo input, " : "demo input " + copies + " times, ";
        rows.addRates(
                input + "engine alone",
                median(rounds, round -> round.alone().outputPerSecond()).alone());
        Round middle = median(rounds, Round::output);
        rows.add(input + "whole job", "output", middle.output(), "tok/s");
        rows.add(input + "whole job", "total", middle.total(), "tok/s");
        rows.add(
                input + "whole job",
                "of the engine alone",
                100 * median(rounds, Round::share).share(),
                "%");
    }

    private static Round median(List<Round> rounds, ToDoubleFunction<Round> by) {
        return rounds.stream()
                .sorted(Comparator.comparingDouble(by))
                .toList()
                .get((rounds.size() - 1) / 2);
    }

    private Round round(int number) throws InterruptedException {
        List<InferenceRequest> drawn = new ArrayList<>();
        for (int copy = 0; copy < copies; copy++) {
            for (InferenceRequest request : requests) {
                drawn.add(another(request, number * copies + copy));
            }
        }
        List<GenerationRequest> tokenized = tokenized(engine, drawn);
        TimedRun alone = number % 2 == 0 ? TimedRun.of(engine, tokenized) : null;
        Map<String, InferenceResult> answers = new HashMap<>();
        double seconds = throughJob(drawn, answers);
        if (alone == null) {
            alone = TimedRun.of(engine, tokenized);
        }
        int prompts = 0;
        int outputs = 0;
        for (int i = 0; i < drawn.size(); i++) {
            InferenceResult answer = answers.get(drawn.get(i).getId());
            int[] tokens =
                    answer.getCompletions().get(0).getTokenIds().stream()
                            .mapToInt(Integer::intValue)
                            .toArray();
            alone.checkAnswer(i, tokens);
            prompts += answer.getUsage().getPromptTokens();
            outputs += tokens.length;
        }
        return new Round(alone, seconds, prompts, outputs);
    }

    /** The same request with other first letters, so that no prefix cache has it. */
    private static InferenceRequest another(InferenceRequest request, int number) {
        String prompt = String.valueOf(request.getPrompt());
        String mark = number + " ";
        return InferenceRequest.newBuilder(request)
                .setId(request.getId() + "-" + number)
                .setPrompt(mark + prompt.substring(Math.min(mark.length(), prompt.length())))
                .build();
    }

    /** The requests as the job prepares them for the engine. */
    static List<GenerationRequest> tokenized(Engine engine, List<InferenceRequest> requests) {
        List<GenerationRequest> tokenized = new ArrayList<>();
        for (InferenceRequest request : requests) {
            GenerationRequest each =
                    GenerationRequest.of(
                            request.getId(),
                            engine.tokenizer().encode(String.valueOf(request.getPrompt())),
                            RequestMapper.sampling(request, engine.model().defaultSampling()));
            try {
                engine.check(each);
            } catch (RequestRejectedException e) {
                throw new CommandFailedException(
                        "The model does not take the request %s of its demo input: %s"
                                .formatted(request.getId(), e.getMessage()),
                        e);
            }
            tokenized.add(each);
        }
        return tokenized;
    }

    private double throughJob(List<InferenceRequest> drawn, Map<String, InferenceResult> answers)
            throws InterruptedException {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (InferenceRequest request : drawn) {
            byte[] key = request.getId().getBytes(StandardCharsets.UTF_8);
            records.add(new ProducerRecord<>(topic, key, codec.encode(request)));
        }
        long start = System.nanoTime();
        records.forEach(producer::send);
        producer.flush();
        while (answers.size() < drawn.size()) {
            reader.poll(POLL, item -> take(item, answers));
            if (System.nanoTime() - start > PATIENCE_NANOS) {
                job.reportFailures();
                throw new CommandFailedException(
                        "The job answered %d of %d requests and then none for minutes: see the log."
                                .formatted(answers.size(), drawn.size()));
            }
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private static void take(AnswerReader.Item item, Map<String, InferenceResult> answers) {
        if (item instanceof Failure failure) {
            throw new CommandFailedException(
                    "The job could not answer a request: " + failure.failure().getMessage());
        }
        if (item instanceof Answer answer) {
            answers.put(answer.result().getId(), answer.result());
        }
    }

    @Override
    public void close() {
        scope.close();
    }
}
