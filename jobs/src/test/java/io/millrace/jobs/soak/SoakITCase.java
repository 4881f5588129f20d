package io.millrace.jobs.soak;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.UnixOperatingSystemMXBean;
import io.millrace.jobs.TestingProcess;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.local.BrokerProcess;
import io.millrace.jobs.local.EmbeddedCluster;
import io.millrace.jobs.local.FreePorts;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.soak.SoakReport.Sample;
import io.millrace.jobs.stream.StreamingJob;
import io.millrace.operators.InstantEngine;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.saved.SavedState;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A job that runs for long keeps its heap, its state, its threads and its file descriptors.
 *
 * <p>The settings are those of {@code flink-conf}, the broker is a process of its own, and the
 * engine takes 100 ms a step, so that requests are in flight at each checkpoint. With {@code
 * -Dmillrace.soak.report=FILE -Dmillrace.soak.requests=1000000 -Dmillrace.soak.warm-up=100000
 * -Dmillrace.soak.minutes=30} it measures, holds the bar, and writes a report.
 */
@Timeout(7200)
class SoakITCase {
    private static final String REPORT = System.getProperty("millrace.soak.report");
    private static final int REQUESTS = Integer.getInteger("millrace.soak.requests", 20_000);
    private static final int WARM_UP = Integer.getInteger("millrace.soak.warm-up", 4_000);

    /** How long the requests after the warm-up take. */
    private static final double MINUTES =
            Double.parseDouble(System.getProperty("millrace.soak.minutes", "0.15"));

    private static final double PER_SECOND = REQUESTS / (60 * MINUTES);
    private static final long SEED = Long.getLong("millrace.soak.seed", 54);
    private static final Duration STEP = Duration.ofMillis(100);
    private static final Duration LIMIT = Duration.ofMinutes(5);
    private static final String STATE = "in-flight-requests";
    private static final String CHECKPOINT = "chk-";

    @TempDir Path folder;

    @Test
    void aLongRunKeepsHeapStateThreadsAndHandles() throws Exception {
        int port = FreePorts.next();
        String servers = "127.0.0.1:" + port;
        try (TestingProcess broker =
                        TestingProcess.java(
                                Map.of(),
                                List.of(
                                        "-Xmx512m",
                                        "-cp",
                                        System.getProperty("java.class.path"),
                                        BrokerProcess.class.getName(),
                                        folder.resolve("kafka").toString(),
                                        Integer.toString(port),
                                        Integer.toString(FreePorts.next()),
                                        Integer.toString(FreePorts.next())));
                SoakTraffic traffic =
                        new SoakTraffic(servers, WARM_UP + REQUESTS, PER_SECOND, SEED)) {
            createTopics(servers, broker);
            long start = System.nanoTime();
            Configuration settings = settings();
            try (EmbeddedCluster cluster = EmbeddedCluster.start(settings, 1, 0)) {
                JobID job = cluster.submit(graph(servers, settings));
                traffic.start();
                SoakReport report =
                        new SoakReport(samples(traffic, folder.resolve("state/" + job)));
                double seconds = (System.nanoTime() - start) / 1e9;
                if (REPORT != null) {
                    report.write(
                            Path.of(REPORT),
                            run(seconds, traffic),
                            BenchOrigin.of(TestingProcess.root()));
                    assertThat(report.faults()).isEmpty();
                }
                // Compiled code, caches and pools still grow in a run of seconds.
                assertThat(report.stateRatio()).isLessThan(1.1);
                assertThat(report.heapRatio()).isLessThan(2);
            }
        }
    }

    private static Map<String, Object> run(double seconds, SoakTraffic traffic) {
        Map<String, Object> run = new LinkedHashMap<>();
        run.put("requests", REQUESTS);
        run.put("warm_up", WARM_UP);
        run.put("requests_per_second", Math.round(PER_SECOND));
        run.put("seconds", Math.round(seconds));
        run.put("seed", SEED);
        run.put("step_ms", STEP.toMillis());
        run.put("dead_letters", traffic.failed());
        return run;
    }

    private static void createTopics(String servers, TestingProcess broker) throws Exception {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            try (Topics topics = new Topics(servers, Map.of())) {
                for (String topic : List.of("prompts", "answers", "dead-letters")) {
                    topics.createIfAbsent(topic, 1);
                }
                return;
            } catch (RuntimeException e) {
                // It starts.
                assertThat(System.nanoTime()).as("%s", broker.lines()).isLessThan(deadline);
            }
        }
    }

    private Configuration settings() throws IOException {
        Configuration settings =
                GlobalConfiguration.loadConfiguration(
                        TestingProcess.root().resolve("flink-conf").toString());
        Path state = Files.createDirectories(folder.resolve("state"));
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, state.toUri().toString());
        if (REPORT == null) {
            settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(300));
            // A slow machine reads one after the next have begun.
            settings.set(CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, 50);
        }
        return settings;
    }

    private static StreamGraph graph(String servers, Configuration settings) throws Exception {
        KafkaSettings kafka =
                KafkaSettings.builder()
                        .bootstrapServers(servers)
                        .topics("prompts")
                        .outputTopic("answers")
                        .deadLetterTopic("dead-letters")
                        .applicationId("soak")
                        .build();
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(settings);
        PipelineOptions options =
                PipelineOptions.builder(
                                InstantEngine.options(
                                        TestingProcess.root().resolve("models/triage").toString(),
                                        "soak",
                                        256),
                                InstantEngine.loader(STEP))
                        .build();
        StreamingJob.define(env, options, kafka, TopicLimits.read(kafka, 1), 1);
        return env.getStreamGraph();
    }

    /** One sample at each checkpoint after the warm-up, until all requests have their outcome. */
    private static List<Sample> samples(SoakTraffic traffic, Path checkpoints) throws Exception {
        List<Sample> samples = new ArrayList<>();
        long last = -1;
        long progress = System.nanoTime();
        long before = 0;
        for (long done = 0; done < WARM_UP + REQUESTS; done = traffic.done()) {
            if (done > before) {
                before = done;
                progress = System.nanoTime();
            }
            assertThat(System.nanoTime() - progress)
                    .as("%d of %d requests have their outcome", done, WARM_UP + REQUESTS)
                    .isLessThan(LIMIT.toNanos());
            long newest = newest(checkpoints);
            // At the end the last answers are awaited, and nothing new is in flight.
            if (newest > last && done >= WARM_UP) {
                Sample sample = sample(done, checkpoints.resolve(CHECKPOINT + newest));
                if (sample != null) {
                    samples.add(sample);
                }
            }
            last = Math.max(last, newest);
            Thread.sleep(10);
        }
        return samples;
    }

    private static long newest(Path checkpoints) throws IOException {
        if (!Files.isDirectory(checkpoints)) {
            return -1;
        }
        try (Stream<Path> all = Files.list(checkpoints)) {
            return all.filter(each -> Files.exists(each.resolve("_metadata")))
                    .map(each -> each.getFileName().toString())
                    .map(name -> Long.parseLong(name.substring(CHECKPOINT.length())))
                    .max(Comparator.naturalOrder())
                    .orElse(-1L);
        }
    }

    /** Null if nothing is in flight in the checkpoint, or a newer one has replaced it. */
    private static Sample sample(long done, Path checkpoint) throws IOException {
        int threads = ManagementFactory.getThreadMXBean().getThreadCount();
        long handles =
                ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                        .getOpenFileDescriptorCount();
        System.gc();
        long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        List<byte[]> requests;
        try {
            requests = SavedState.open(checkpoint.toUri().toString()).elements(STATE);
        } catch (IOException e) {
            if (Files.exists(checkpoint.resolve("_metadata"))) {
                throw e;
            }
            return null;
        }
        long bytes = requests.stream().mapToLong(each -> each.length).sum();
        return requests.isEmpty()
                ? null
                : new Sample(done, heap, requests.size(), bytes, threads, handles);
    }
}
