package io.millrace.jobs.stream;

import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Signals;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.operators.tool.AnswerText;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.WakeupException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows answers and, if requested, failures as they are committed. */
@Command(
        name = "results",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Shows answers as they are committed, until Ctrl-C: with exactly-once delivery, at each"
                    + " checkpoint of the job.",
            "Reports the number of new dead letters on standard error.",
        })
public final class ResultsCommand implements Callable<Integer> {
    private static final Duration POLL = Duration.ofMillis(500);

    /** Time between two lines about dead letters. */
    private static final Duration DEAD_LETTERS = Duration.ofSeconds(10);

    private static final Duration LAST_LOOK = Duration.ofSeconds(5);

    @Mixin private KafkaArguments kafka = new KafkaArguments();
    @Mixin private JobArguments.FormatArguments format = new JobArguments.FormatArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Option(
            names = "--topic",
            paramLabel = "TOPIC",
            defaultValue = "answers",
            description = "Topic with answers.")
    private String topic;

    @Option(
            names = "--dead-letters",
            description = "Also shows requests that could not be answered.")
    private boolean deadLetters;

    @Option(
            names = "--dead-letter-topic",
            paramLabel = "TOPIC",
            defaultValue = "dead-letters",
            description = "Topic with dead letters.")
    private String deadLetterTopic;

    @Option(names = "--from-beginning", description = "Starts with the first answer in the topic.")
    private boolean fromBeginning;

    @Option(
            names = {"-m", "--max"},
            paramLabel = "COUNT",
            description = "Ends after this number of answers.")
    private Long max;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            description =
                    "Ends after this time without a new answer; with --max the exit code is then 1.")
    private Duration timeout;

    @Option(names = "--json", description = "Prints the whole record, one line of JSON each.")
    private boolean json;

    @Option(
            names = "--raw",
            description =
                    "Prints the values of --topic as they stand: events with their answers, null for"
                            + " a tombstone.")
    private boolean raw;

    private final RecordCodec<InferenceResult> results =
            RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
    private final RecordCodec<InferenceFailure> failures =
            RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
    private final PrintStream out = System.out;
    private long shown;

    /** Null if dead letters are shown, or cannot be read. */
    private DeadLetterCount unshown;

    @Override
    public Integer call() {
        if (max != null) {
            Checks.atLeast("--max", max, 1);
        }
        if (raw && json) {
            throw new CommandFailedException(
                    "--raw prints values as they stand, --json as results: give one of the two.");
        }
        List<String> topics = deadLetters ? List.of(topic, deadLetterTopic) : List.of(topic);
        boolean counts;
        try (Brokers brokers = Brokers.connect(kafka)) {
            brokers.partitions(topics);
            counts = !deadLetters && brokers.has(deadLetterTopic);
        }
        try (AnswerReader reader =
                        new AnswerReader(
                                kafka,
                                format.settings(),
                                topic,
                                deadLetters ? deadLetterTopic : null,
                                fromBeginning);
                DeadLetterCount count =
                        counts
                                ? new DeadLetterCount(kafka, deadLetterTopic, fromBeginning)
                                : null) {
            unshown = count;
            if (Progress.isTerminal()) {
                System.err.println(
                        "Following "
                                + String.join(" and ", topics)
                                + " (Ctrl-C ends; answers appear at each checkpoint of the job)");
            }
            Signals.onStop(reader::wakeUp);
            int exit = followUntilStopped(reader);
            countBy(each -> each.readToTheEnd(LAST_LOOK));
            if (unshown != null) {
                showDeadLetters();
            }
            return exit;
        } finally {
            out.flush();
        }
    }

    private int followUntilStopped(AnswerReader reader) {
        try {
            return follow(reader);
        } catch (WakeupException e) {
            return 0;
        }
    }

    private int follow(AnswerReader reader) {
        long last = System.nanoTime();
        long told = last - DEAD_LETTERS.toNanos();
        while (!full()) {
            if (reader.poll(POLL, this::show) > 0) {
                last = System.nanoTime();
                out.flush();
            } else if (timeout != null && System.nanoTime() - last > timeout.toNanos()) {
                return max == null ? 0 : 1;
            }
            if (System.nanoTime() - told > DEAD_LETTERS.toNanos()) {
                countBy(DeadLetterCount::look);
                told = unshown != null && showDeadLetters() ? System.nanoTime() : told;
            }
        }
        return 0;
    }

    /** Counts dead letters; missing rights to read them do not end the command. */
    private void countBy(Consumer<DeadLetterCount> look) {
        if (unshown == null) {
            return;
        }
        try {
            look.accept(unshown);
        } catch (KafkaException e) {
            unshown = null;
            System.err.println(
                    "Dead letters in topic %s cannot be counted: %s"
                            .formatted(deadLetterTopic, e.getMessage()));
        }
    }

    private boolean showDeadLetters() {
        String sentence = unshown.sentence();
        if (sentence != null) {
            out.flush();
            System.err.println(sentence);
        }
        return sentence != null;
    }

    private void show(AnswerReader.Item item) {
        if (full()) {
            return;
        }
        shown++;
        if (raw && item.record().topic().equals(topic)) {
            byte[] value = item.record().value();
            out.println(value == null ? "null" : new String(value, StandardCharsets.UTF_8));
        } else if (item instanceof AnswerReader.Answer answer) {
            InferenceResult result = answer.result();
            if (json) {
                out.println(new String(results.encode(result), StandardCharsets.UTF_8));
            } else {
                result.getCompletions()
                        .forEach(
                                c ->
                                        out.println(
                                                result.getId() + "\t" + oneLine(AnswerText.of(c))));
            }
        } else if (item instanceof AnswerReader.Failure failed) {
            InferenceFailure failure = failed.failure();
            if (json) {
                out.println(new String(failures.encode(failure), StandardCharsets.UTF_8));
            } else {
                out.printf(
                        "%s\tFAILED %s: %s (%s-%d@%d)%n",
                        failure.getId() == null ? "?" : failure.getId(),
                        failure.getCode(),
                        failure.getMessage(),
                        failure.getTopic(),
                        failure.getPartition(),
                        failure.getOffset());
            }
        } else if (item instanceof AnswerReader.Unreadable other) {
            System.err.printf(
                    "%s-%d@%d is not in the format of --format: %s%n",
                    other.record().topic(),
                    other.record().partition(),
                    other.record().offset(),
                    other.why());
        }
    }

    private boolean full() {
        return max != null && shown >= max;
    }

    private static String oneLine(String text) {
        return text.strip().replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r");
    }
}
