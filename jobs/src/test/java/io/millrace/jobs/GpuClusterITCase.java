package io.millrace.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.FreePorts;
import io.millrace.jobs.stream.AnswerReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.jar.JarOutputStream;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import org.apache.flink.api.common.externalresource.ExternalResourceDriverFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A cluster with the settings for machines with GPUs: ZooKeeper, the adaptive scheduler, and a
 * driver of GPUs in place of Flink's. The job runs on the CPU.
 */
@Timeout(600)
class GpuClusterITCase {
    private static final int REQUESTS = 54;

    @TempDir Path folder;

    @Test
    void aJobIsAnsweredOnAClusterOfTheSettingsForGpus() throws Exception {
        int port = FreePorts.next();
        Path settings = folder.resolve("zoo.cfg");
        Files.writeString(
                settings,
                "admin.enableServer=false\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\n"
                        .formatted(folder.resolve("zookeeper"), port));
        Path plugins = folder.resolve("plugins");
        writePlugin(Files.createDirectories(plugins.resolve("gpu")).resolve("gpu.jar"));
        try (TestingProcess zooKeeper =
                        TestingProcess.java(
                                Map.of(),
                                List.of(
                                        "-Xmx128m",
                                        "-cp",
                                        System.getProperty("java.class.path"),
                                        "org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer",
                                        "--zkConfigFile",
                                        settings.toString(),
                                        "--peerId",
                                        "1"));
                TestingCluster cluster =
                        new TestingCluster(
                                folder,
                                "flink-conf/gpu-cluster",
                                plugins,
                                "high-availability.zookeeper.quorum: 127.0.0.1:" + port,
                                "high-availability.storageDir: " + folder.resolve("ha").toUri(),
                                "blob.server.port: 0",
                                "taskmanager.rpc.port: 0",
                                "external-resource.gpu.driver-factory.class: "
                                        + TestingGpuDriver.Factory.class.getName())) {
            TestingTopics topics = new TestingTopics(cluster.broker.bootstrapServers(), "gpu", 2);
            topics.send(0, REQUESTS, 17);
            cluster.submit("gpu", topics);
            try (AnswerReader answers = topics.reader()) {
                assertThat(TestingTopics.await(answers, List.of(), REQUESTS, TestingCluster.LIMIT))
                        .containsExactlyInAnyOrderElementsOf(
                                IntStream.range(0, REQUESTS).mapToObj(Integer::toString).toList());
            }
            assertThat(zooKeeper.lines()).noneMatch(line -> line.contains("Exception"));
        }
        // Where a JobManager in reserve finds the job.
        assertThat(folder.resolve("ha")).isNotEmptyDirectory();
        assertThat(folder.resolve("taskmanager.log"))
                .content()
                .contains("GPU 17 of 1 for --enable-coordination-mode");
    }

    /** A plugin as Flink finds it: a jar in a folder of its own, with the driver as a service. */
    private static void writePlugin(Path jar) throws IOException {
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            for (Class<?> each :
                    List.of(
                            TestingGpuDriver.class,
                            TestingGpuDriver.Factory.class,
                            TestingGpuDriver.Gpu.class)) {
                String name = each.getName().replace('.', '/') + ".class";
                try (InputStream in = each.getResourceAsStream("/" + name)) {
                    out.putNextEntry(new ZipEntry(name));
                    in.transferTo(out);
                }
            }
            out.putNextEntry(
                    new ZipEntry(
                            "META-INF/services/" + ExternalResourceDriverFactory.class.getName()));
            out.write(TestingGpuDriver.Factory.class.getName().getBytes(UTF_8));
        }
    }
}
