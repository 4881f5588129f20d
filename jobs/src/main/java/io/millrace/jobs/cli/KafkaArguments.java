package io.millrace.jobs.cli;

import io.millrace.operators.kafka.admin.TopicCommand;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import picocli.CommandLine.Option;

/** The options to connect to Kafka, for source, sink, admin client and tools. */
public final class KafkaArguments {
    @Option(
            names = {"-b", "--bootstrap-servers"},
            paramLabel = "HOST:PORT,...",
            defaultValue = "localhost:9092",
            description = "Kafka brokers for the first connection.")
    public String bootstrapServers;

    @Option(
            names = "--kafka-config",
            paramLabel = "FILE",
            description =
                    "Properties file with client settings, such as those of TLS and SASL, for source,"
                            + " sink and admin client. Put secrets here.")
    public Path configFile;

    @Option(
            names = {"-K", "--kafka-setting"},
            paramLabel = "KEY=VALUE",
            hideParamSyntax = true,
            description =
                    "One Kafka client setting; can be repeated; overrides --kafka-config. Other users of"
                            + " the machine can see command lines.")
    Map<String, String> settings;

    /** All client settings, without the bootstrap servers. */
    public Map<String, String> clientSettings() {
        Map<String, String> all = new LinkedHashMap<>();
        if (configFile != null) {
            all.putAll(properties("--kafka-config", configFile));
        }
        if (settings != null) {
            all.putAll(settings);
        }
        return all;
    }

    /** Inserts the file with the client settings into the commands of a message. */
    public String pasteable(String message) {
        return TopicCommand.withConfig(message, configFile);
    }

    /** The properties of a file that an option names. */
    public static Map<String, String> properties(String option, Path path) {
        Properties file = new Properties();
        try (Reader in = Files.newBufferedReader(path)) {
            file.load(in);
        } catch (NoSuchFileException e) {
            throw new CommandFailedException("There is no file " + path + ".", e);
        } catch (IOException | IllegalArgumentException e) {
            throw new CommandFailedException(
                    "Cannot read " + option + " " + path + ": " + e.getMessage(), e);
        }
        Map<String, String> all = new LinkedHashMap<>();
        file.forEach((key, value) -> all.put(key.toString(), value.toString()));
        return all;
    }
}
