package io.millrace.jobs.stream;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.operators.event.EventReading;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.schemas.codec.record.WireFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The file with the schema of events with their answers, where there is no registry to ask. */
final class OutputSchema {
    private OutputSchema() {}

    /**
     * Writes the file.
     *
     * @param asked null for {@code schemas/TOPIC-value.avsc} in the data folder
     * @return null if the job needs none
     */
    static Path write(KafkaSettings kafka, Path asked) {
        if (kafka.events() == null || kafka.format().format() != WireFormat.AVRO) {
            return null;
        }
        Path file =
                asked == null
                        ? FlinkSettings.dataFolder()
                                .resolve("schemas")
                                .resolve(kafka.outputTopic() + "-value.avsc")
                        : asked;
        try {
            if (file.getParent() != null) {
                Files.createDirectories(file.getParent());
            }
            Files.writeString(
                    file, EventReading.answeredSchema(kafka.events()).toString(true) + "\n");
            return file;
        } catch (IOException e) {
            throw new CommandFailedException(
                    "The schema of %s cannot be written to %s (--output-schema): %s"
                            .formatted(kafka.outputTopic(), file, e),
                    e);
        }
    }
}
