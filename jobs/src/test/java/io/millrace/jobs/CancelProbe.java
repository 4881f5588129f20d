package io.millrace.jobs;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.session.SharedEngine;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.TestingOutcomes;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.TestingSource;
import io.millrace.operators.options.PipelineOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.testutils.MiniClusterResource;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.util.TestStreamEnvironment;

/**
 * Program of {@link CancelITCase}: cancels jobs on the shipped model while they answer, in one
 * cluster, and prints what each has left behind in its JVM. Arguments: model, folder.
 */
final class CancelProbe {
    private static final int CYCLES = 2;
    private static final int ANSWERS = 3;
    private static final long PATIENCE_MS = 60_000;

    private CancelProbe() {}

    public static void main(String[] arguments) throws Exception {
        EngineOptions engine = EngineOptions.of(arguments[0]);
        Configuration settings = new Configuration();
        settings.set(CoreOptions.TMP_DIRS, Path.of(arguments[1], "cluster").toString());
        String checkpoints = Path.of(arguments[1], "checkpoints").toUri().toString();
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints);
        settings.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, checkpoints);
        MiniClusterResource cluster =
                new MiniClusterResource(
                        new MiniClusterResourceConfiguration.Builder()
                                .setConfiguration(settings)
                                .setNumberTaskManagers(1)
                                .setNumberSlotsPerTaskManager(2)
                                .build());
        cluster.before();
        TestStreamEnvironment.setAsContext(cluster.getMiniCluster(), 2);
        try {
            Set<Thread> threads = Set.of();
            Set<String> files = Set.of();
            for (int cycle = 0; cycle < CYCLES; cycle++) {
                runAndCancel(engine, "job-" + cycle);
                Set<Thread> left = threadsBut(threads);
                Set<String> leftFiles = files();
                // The first job leaves the pools of the cluster grown and caches filled.
                if (cycle > 0) {
                    left.forEach(thread -> System.out.println("thread " + thread.getName()));
                    Set<String> more = new TreeSet<>(leftFiles);
                    more.removeAll(files);
                    more.forEach(file -> System.out.println("file " + file));
                }
                System.out.println("cycle " + cycle + " engines " + SharedEngine.count());
                threads = new HashSet<>(Thread.getAllStackTraces().keySet());
                files = leftFiles;
            }
        } finally {
            cluster.after();
        }
        System.exit(0);
    }

    private static void runAndCancel(EngineOptions engine, String name) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.enableCheckpointing(200);
        TestingSource source =
                new TestingSource(
                        100_000, false, number -> TestingRequests.request("r" + number, 7));
        InferencePipeline.build(
                        env,
                        source,
                        "requests",
                        PipelineOptions.builder(engine).maxInFlightRequests(3).build())
                .map(TestingOutcomes.collector(name))
                .sinkTo(new DiscardingSink<>());
        JobClient job = env.executeAsync(name);
        TestingOutcomes.of(name).await(ANSWERS);
        job.cancel().get();
        // Cancelled is when all tasks have ended.
        job.getJobExecutionResult().handle((result, cancelled) -> null).get();
    }

    /** Threads neither there before nor of pools of the cluster and the JVM, after some time. */
    private static Set<Thread> threadsBut(Set<Thread> before) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
        Set<Thread> left = new HashSet<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (!before.contains(thread) && !isOfAPool(thread)) {
                long ms = Math.max(1, (end - System.nanoTime()) / 1_000_000);
                thread.join(before.isEmpty() ? 1 : ms);
                if (thread.isAlive()) {
                    left.add(thread);
                }
            }
        }
        return left;
    }

    private static boolean isOfAPool(Thread thread) {
        return Stream.of(
                        "flink-",
                        "Flink",
                        "jobmanager-",
                        "mini-cluster-",
                        "RpcService-",
                        "ForkJoinPool.commonPool-")
                .anyMatch(thread.getName()::startsWith);
    }

    private static Set<String> files() throws Exception {
        Path folder = Path.of(System.getProperty("java.io.tmpdir"));
        try (Stream<Path> all = Files.walk(folder)) {
            return all.map(folder::relativize)
                    .map(Path::toString)
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
