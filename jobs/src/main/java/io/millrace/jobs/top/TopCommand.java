package io.millrace.jobs.top;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.ExitCode;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Signals;
import io.millrace.jobs.cli.VerboseArgument;
import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows a job's load, latencies, engine and checkpoints, again and again. */
@Command(
        name = "top",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Shows load, latencies, engine and checkpoints of a running job, until Ctrl-C or the end"
                    + " of the job.",
            "It asks Flink's REST API, whose figures are up to 10 seconds old.",
        })
public final class TopCommand implements Callable<Integer> {
    private static final Duration SHORTEST = Duration.ofSeconds(1);

    /** Cursor to the upper left, and nothing below it. */
    private static final String CLEAR = "\u001b[H\u001b[J";

    @Option(
            names = "--address",
            paramLabel = "ADDRESS",
            defaultValue = "localhost:8081",
            description = "Address of Flink's web UI: HOST:PORT, or a URL with http or https.")
    private String address;

    @Option(
            names = "--job",
            paramLabel = "JOB",
            description =
                    "Name (the application id) or id of the job; by default the only one that runs.")
    private String job;

    @Option(
            names = "--interval",
            paramLabel = "TIME",
            defaultValue = "5s",
            description = "Time between two looks.")
    private Duration interval;

    @Option(names = "--once", description = "Ends after one look.")
    private boolean once;

    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Override
    public Integer call() throws InterruptedException {
        if (interval.compareTo(SHORTEST) < 0) {
            throw new CommandFailedException(
                    "--interval is " + interval.toMillis() + " ms: it must be at least 1 s.");
        }
        RunningJob shown = RunningJob.find(new FlinkApi(address), job);
        boolean redraw = Progress.isTerminal() && !once;
        CountDownLatch stop = new CountDownLatch(1);
        if (!once) {
            Signals.onStop(stop::countDown);
        }
        PrintStream out = System.out;
        while (true) {
            JobFigures figures = shown.figures();
            if (once && !figures.hasEngine()) {
                throw new CommandFailedException(
                        "Job "
                                + figures.name()
                                + " shows no metrics of an inference operator: it is no job of"
                                + " Millrace's, or has started a few seconds ago.");
            }
            String text = String.join(System.lineSeparator(), figures.lines());
            if (redraw) {
                out.print(CLEAR);
            }
            out.println(text);
            if (!redraw && !once) {
                out.println();
            }
            out.flush();
            if (once
                    || figures.hasEnded()
                    || stop.await(interval.toMillis(), TimeUnit.MILLISECONDS)) {
                return ExitCode.DONE.code();
            }
        }
    }
}
