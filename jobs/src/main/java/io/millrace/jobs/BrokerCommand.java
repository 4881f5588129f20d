package io.millrace.jobs;

import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Signals;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.stream.FlinkSettings;
import java.io.IOException;
import java.net.BindException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs a Kafka broker for trying out. */
@Command(
        name = "broker",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Runs a Kafka broker of one node until Ctrl-C, to try things with: on this machine only,"
                    + " without security.",
            "Its topics stay in its folder."
        })
public final class BrokerCommand implements Callable<Integer> {
    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Option(
            names = "--port",
            paramLabel = "PORT",
            defaultValue = "9092",
            description = "Port of its clients; 0 takes a free one.")
    private int port;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Where it keeps its topics (default: kafka in the data folder).")
    private Path data;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Checks.range("--port", port, 0, 65535);
        Path folder = data == null ? FlinkSettings.dataFolder().resolve("kafka") : data;
        CountDownLatch stop = new CountDownLatch(1);
        Progress progress = new Progress(System.out);
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder, port, Map.of())) {
            Signals.onStop(stop::countDown);
            progress.line("Kafka", "a broker runs at %s", broker.bootstrapServers());
            progress.line("Data", "%s", folder);
            progress.plain("Ctrl-C stops it; its topics stay.");
            stop.await();
        } catch (BindException e) {
            throw new CommandFailedException(
                    "Port " + port + " is in use: give another --port, or 0 for a free one.", e);
        }
        return 0;
    }
}
