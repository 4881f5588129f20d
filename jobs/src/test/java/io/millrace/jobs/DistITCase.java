package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Looks into what the build made. Named ITCase since it runs after the jars are there. */
class DistITCase {
    private static final Path DIST = TestingProcess.root().resolve("dist");

    private static final String SIGNATURE = "META-INF/[^/]+\\.(SF|RSA|DSA)";

    @Test
    void theJobJarHoldsWhatAJobBrings() throws IOException {
        assertThat(names(jobJar()))
                .contains(
                        "io/millrace/jobs/Millrace.class",
                        "io/millrace/operators/InferencePipeline.class",
                        "io/millrace/schemas/InferenceRequest.class",
                        "org/apache/flink/connector/kafka/source/KafkaSource.class",
                        "org/apache/kafka/clients/consumer/KafkaConsumer.class",
                        "org/apache/avro/Schema.class",
                        "com/fasterxml/jackson/databind/ObjectMapper.class",
                        "org/snakeyaml/engine/v2/api/Load.class",
                        "picocli/CommandLine.class");
    }

    @Test
    void theJobJarHoldsNoNativesNoEngineAndNoCluster() throws IOException {
        assertThat(names(jobJar()).stream().filter(DistITCase::isNative)).isEmpty();
        for (String prefix :
                List.of(
                        "io/millrace/gpu/",
                        "ai/djl/",
                        "jcuda/",
                        "org/apache/flink/runtime/",
                        "org/apache/flink/streaming/api/environment/",
                        "org/apache/flink/connector/base/",
                        "org/apache/flink/formats/avro/",
                        "kafka/server/",
                        "org/slf4j/")) {
            assertThat(names(jobJar()).stream().filter(name -> name.startsWith(prefix)))
                    .as(prefix)
                    .isEmpty();
        }
        assertThat(names(jobJar()).stream().filter(name -> name.matches(SIGNATURE))).isEmpty();
    }

    @Test
    void theServicesOfTheJobJarAreMerged() throws IOException {
        try (JarFile jar = new JarFile(jobJar().toFile())) {
            for (String service :
                    names(jobJar()).stream()
                            .filter(name -> name.matches("META-INF/services/[^/]+"))
                            .toList()) {
                String text =
                        new String(
                                jar.getInputStream(jar.getEntry(service)).readAllBytes(),
                                java.nio.charset.StandardCharsets.UTF_8);
                assertThat(text.lines().map(String::strip).filter(line -> line.startsWith("io.m")))
                        .as(service)
                        .doesNotHaveDuplicates();
                assertThat(text).as(service).isNotBlank();
            }
            assertThat(jar.getManifest().getMainAttributes().getValue("Main-Class"))
                    .isEqualTo("io.millrace.jobs.Millrace");
        }
    }

    @Test
    void libHoldsTheEngineAndItsNatives() throws IOException {
        Set<String> all = new TreeSet<>();
        for (Path jar : jars("lib")) {
            all.addAll(names(jar));
        }
        assertThat(all)
                .contains(
                        "io/millrace/gpu/engine/Engine.class",
                        "ai/djl/engine/Engine.class",
                        "jcuda/driver/JCudaDriver.class",
                        "com/github/luben/zstd/Zstd.class",
                        "net/jpountz/lz4/LZ4Factory.class",
                        "org/xerial/snappy/Snappy.class")
                .anyMatch(name -> name.contains("linux-x86_64") && name.contains("tokenizers"))
                .anyMatch(name -> name.matches("lib/libJCudaDriver-.*-linux-x86_64\\.so"));
        assertThat(all.stream().filter(name -> name.matches("org/(apache/flink|slf4j)/.*")))
                .isEmpty();
    }

    @Test
    void noJarIsInLibAndInEmbedded() throws IOException {
        assertThat(jarNames("lib")).doesNotContainAnyElementsOf(jarNames("embedded"));
        assertThat(jarNames("embedded"))
                .anyMatch(name -> name.startsWith("flink-runtime-web-"))
                // Flink reads its settings with it, without the job's jar.
                .contains("snakeyaml-engine-")
                .anyMatch(name -> name.startsWith("kafka_2.13-"));
    }

    private static boolean isNative(String name) {
        return name.matches(".*\\.(so|dll|dylib|jnilib|fatbin|cubin)(\\.\\d+)*");
    }

    static Path jobJar() throws IOException {
        try (Stream<Path> files = Files.list(DIST)) {
            return files.filter(
                            file -> file.getFileName().toString().matches("millrace-jobs-.*\\.jar"))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("mvn package makes the job jar first"));
        }
    }

    static List<Path> jars(String folder) throws IOException {
        try (Stream<Path> files = Files.list(DIST.resolve(folder))) {
            return files.sorted().toList();
        }
    }

    private static List<String> jarNames(String folder) throws IOException {
        return jars(folder).stream()
                .map(jar -> jar.getFileName().toString().replaceFirst("-\\d.*", "-"))
                .toList();
    }

    private static Set<String> names(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.stream().map(entry -> entry.getName()).collect(Collectors.toSet());
        }
    }
}
