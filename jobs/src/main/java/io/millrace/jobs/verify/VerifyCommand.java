package io.millrace.jobs.verify;

import static java.util.stream.Collectors.joining;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.constraint.ConstraintOption;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.EngineArguments;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.jobs.stream.Brokers;
import io.millrace.schemas.codec.FormatSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Audits a job's answers: counts all of them, computes a sample again, compares the bytes. */
@Command(
        name = "verify",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Reads requests and their committed answers, holds each against the other, and computes"
                    + " a sample of the answers again on this machine: one after the other, all at"
                    + " once in another order, in other steps and chunks, and divided among several"
                    + " subtasks. Each way has to give the committed bytes.",
            "The exit code is the verdict: 0 proven, 4 bytes differ, 5 a request without its one"
                    + " answer or an answer without its request, 6 answers of a fingerprint that is"
                    + " not the one computed here. (1 to 3: the audit itself failed.)"
        })
public final class VerifyCommand implements Callable<Integer> {
    private static final int SHOWN = 5;

    @Option(
            names = "--requests",
            paramLabel = "TOPIC,...|FILE",
            required = true,
            split = ",",
            hideParamSyntax = true,
            description = "The requests: topics that the job read, or a file of JSON lines.")
    private List<String> requests;

    @Option(
            names = "--results",
            paramLabel = "TOPIC|FILE",
            required = true,
            description =
                    "The answers: the job's output topic, or what results --json wrote. Committed"
                            + " ones only.")
    private String results;

    @Option(
            names = "--dead-letters",
            paramLabel = "TOPIC|FILE",
            description =
                    "Requests that could not be answered; without it they count as unanswered.")
    private String deadLetters;

    @Option(
            names = "--sample",
            paramLabel = "COUNT",
            defaultValue = "200",
            description = "How many answers are computed again; 0 for all. All are counted.")
    private int size;

    @Option(
            names = "--seed",
            paramLabel = "NUMBER",
            defaultValue = "1",
            description =
                    "Seed of the random sample; the same seed and answers give the same sample.")
    private long seed;

    @Mixin private EngineArguments engine = new EngineArguments();

    private final Map<ConstraintOption, Object> constraints = new EnumMap<>(ConstraintOption.class);

    @Mixin
    private final CommandSpec constraintTable =
            Arguments.table(
                    List.of(ConstraintOption.values()), ConstraintOption::setting, constraints);

    @Mixin private KafkaArguments kafka = new KafkaArguments();
    @Mixin private JobArguments.FormatArguments format = new JobArguments.FormatArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();

    private final Progress progress = new Progress(System.out);

    @Override
    public Integer call() throws IOException, InterruptedException, RequestRejectedException {
        Checks.atLeast("--sample", size, 0);
        engine.checkFolder();
        FormatSettings settings = format.settings();
        // Requests first: later ones would not have an answer yet.
        Entries asked = open("--requests", requests);
        Entries answered = open("--results", List.of(results));
        Entries refused = deadLetters == null ? null : open("--dead-letters", List.of(deadLetters));
        long start = System.nanoTime();
        try (Recomputation again =
                new Recomputation(
                        engine.options(),
                        Checks.constraint(constraints),
                        (phase, done, total) -> progress.percent("Verify", phase, done, total))) {
            progress.line(
                    "Model",
                    "%s is loaded on %s, fingerprint %s (%.1f s)",
                    again.model().name(),
                    again.model().device(),
                    again.model().fingerprint(),
                    (System.nanoTime() - start) / 1e9);
            Ledger ledger = new Ledger(asked.areOfFile());
            Sample sample = new Sample(size, seed);
            new Books(settings, again.model().fingerprint(), ledger, sample)
                    .read(asked, answered, refused);
            if (ledger.requests() == 0 && ledger.answers() == 0) {
                throw new CommandFailedException(
                        "There is nothing to verify: neither a request in %s nor an answer in %s."
                                .formatted(asked.name(), answered.name()));
            }
            showCounts(ledger, asked, answered, refused);
            long others = showFingerprints(ledger, again.model().fingerprint());
            Comparison comparison = new Comparison(again, settings.format());
            compare(comparison, again, sample);
            Verdict verdict = verdict(comparison, ledger, others);
            progress.line("Verdict", words(verdict, comparison, ledger, others));
            return verdict.exitCode();
        }
    }

    private Entries open(String option, List<String> names) {
        Path file = Path.of(names.get(0));
        if (names.size() == 1 && Files.isRegularFile(file)) {
            return new FileEntries(file);
        }
        for (String name : names) {
            if (name.contains("/") || name.endsWith(".jsonl")) {
                throw new CommandFailedException(option + ": there is no file " + name + ".");
            }
        }
        try (Brokers brokers = Brokers.connect(kafka)) {
            brokers.partitions(names);
        }
        return new TopicEntries(kafka, names);
    }

    private void compare(Comparison comparison, Recomputation again, Sample sample)
            throws IOException, InterruptedException, RequestRejectedException {
        if (sample.groups().isEmpty()) {
            return;
        }
        comparison.run(
                sample,
                seed,
                (way, seen, of) ->
                        progress.line(
                                way.label(),
                                "%d of %d answers equal: %s (%.1f s)",
                                seen.equal(),
                                of,
                                again.describe(way),
                                seen.seconds()));
        comparison.findings().stream()
                .limit(SHOWN)
                .forEach(
                        finding ->
                                progress.line(
                                        "Differs",
                                        "request %s: %s (%s)",
                                        finding.name(),
                                        finding.what(),
                                        finding.ways().stream()
                                                .map(Way::label)
                                                .collect(joining(", "))));
        if (comparison.findings().size() > SHOWN) {
            progress.line("Differs", "%d more", comparison.findings().size() - SHOWN);
        }
    }

    private void showCounts(Ledger ledger, Entries asked, Entries answered, Entries refused) {
        long letters = ledger.deadLetters().values().stream().mapToLong(Integer::longValue).sum();
        progress.line(
                "Read",
                "%d requests of %s, %d answers of %s, %d dead letters%s",
                ledger.requests(),
                asked.name(),
                ledger.answers(),
                answered.name(),
                letters,
                refused == null ? "" : " of " + refused.name());
        if (letters > 0) {
            progress.line(
                    "Refused",
                    ledger.deadLetters().entrySet().stream()
                            .map(code -> code.getValue() + " " + code.getKey())
                            .collect(joining(", ")));
        }
        if (answered instanceof TopicEntries topic && topic.heldBack() > 0) {
            progress.line(
                    "Open",
                    "a transaction that is still open holds back %d offsets of %s, which were not"
                            + " read",
                    topic.heldBack(),
                    answered.name());
        }
        tell("Lost", "requests have no answer", ledger.lost());
        tell("Twice", "answers beyond the first", ledger.twice());
        tell("Unasked", "answers without a request", ledger.unknown());
        tell("Unread", "records that are no answer", ledger.unreadableAnswers());
        tell("Invalid", "records that are no request", ledger.unreadableRequests());
        tell("Nameless", "dead letters that have no id", ledger.unmatched());
    }

    private void tell(String label, String what, Ledger.Names names) {
        if (names.count() > 0) {
            progress.line(label, "%d %s: %s", names.count(), what, names);
        }
    }

    private long showFingerprints(Ledger ledger, String here) {
        Map<String, Integer> others = new TreeMap<>(ledger.fingerprints());
        others.remove(here);
        others.forEach(
                (fingerprint, count) ->
                        progress.line(
                                "Foreign",
                                "%d answers have fingerprint %s: other weights, tokenizer, kernels,"
                                        + " device or context; their bytes are not compared",
                                count,
                                fingerprint));
        return others.values().stream().mapToLong(Integer::longValue).sum();
    }

    private static Verdict verdict(Comparison comparison, Ledger ledger, long others) {
        if (!comparison.findings().isEmpty()) {
            return Verdict.DIFFERENT;
        }
        if (!ledger.isComplete()) {
            return Verdict.INCOMPLETE;
        }
        return others > 0 ? Verdict.OTHER_FINGERPRINT : Verdict.PROVEN;
    }

    private String words(Verdict verdict, Comparison comparison, Ledger ledger, long others) {
        return switch (verdict) {
            case PROVEN ->
                    "proven: each request has its one answer, and %d of %d answers were computed again to the same bytes, in %d ways"
                            .formatted(
                                    comparison.compared(), ledger.answers(), Way.values().length);
            case DIFFERENT ->
                    "DIFFERENT: %d of the %d answers that were computed again have other bytes"
                            .formatted(comparison.different(), comparison.compared());
            case INCOMPLETE ->
                    "INCOMPLETE: %d requests without an answer, %d answers twice, %d unasked, %d unreadable%s"
                            .formatted(
                                    ledger.lost().count(),
                                    ledger.twice().count(),
                                    ledger.unknown().count(),
                                    ledger.unreadableAnswers().count(),
                                    ledger.lost().count() > 0 && deadLetters == null
                                            ? " (--dead-letters was not given)"
                                            : "");
            case OTHER_FINGERPRINT ->
                    "OTHER FINGERPRINT: %d of %d answers are of another model or of kernels that are not here"
                            .formatted(others, ledger.answers());
        };
    }
}
