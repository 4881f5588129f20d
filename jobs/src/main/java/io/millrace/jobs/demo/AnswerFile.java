package io.millrace.jobs.demo;

import io.millrace.jobs.cli.CommandFailedException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Writes committed records to a file: one line per record, its unchanged value. The order of
 * records differs between runs; lines are ordered by key, so that the files of two runs can be
 * compared byte by byte. One thread.
 */
final class AnswerFile {
    private static final byte[] NOTHING = {};
    private static final Comparator<byte[]> BYTES = Arrays::compareUnsigned;

    private final Path file;
    private final List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();

    /** Creates the empty file, so that an error shows before the answers are computed. */
    AnswerFile(Path file) {
        this.file = file;
        try {
            Path folder = file.toAbsolutePath().getParent();
            Files.createDirectories(folder);
            Files.write(file, NOTHING);
        } catch (IOException e) {
            throw new CommandFailedException(
                    "--answers " + file + " cannot be written: " + e + ".", e);
        }
    }

    /** Adds a record; a duplicate has two lines. */
    void add(ConsumerRecord<byte[], byte[]> record) {
        records.add(record);
    }

    /** Writes all records. */
    void write() throws IOException {
        records.sort(
                Comparator.comparing(
                                (ConsumerRecord<byte[], byte[]> record) -> orEmpty(record.key()),
                                BYTES)
                        .thenComparing(record -> orEmpty(record.value()), BYTES));
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            text.writeBytes(orEmpty(record.value()));
            text.write('\n');
        }
        Files.write(file, text.toByteArray());
    }

    private static byte[] orEmpty(byte[] bytes) {
        return bytes == null ? NOTHING : bytes;
    }
}
