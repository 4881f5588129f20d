package io.millrace.jobs.verify;

import io.millrace.operators.record.Position;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** The lines of a file, as bytes; empty ones are skipped. */
final class FileEntries implements Entries {
    private final Path file;

    FileEntries(Path file) {
        this.file = file;
    }

    @Override
    public void forEach(Consumer<Entry> to) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            long number = 1;
            for (int b = in.read(); b >= 0; b = in.read()) {
                if (b == '\n') {
                    give(line, number, to);
                    number++;
                } else {
                    line.write(b);
                }
            }
            give(line, number, to);
        }
    }

    private void give(ByteArrayOutputStream line, long number, Consumer<Entry> to) {
        byte[] value = line.toByteArray();
        line.reset();
        int end = value.length;
        if (end > 0 && value[end - 1] == '\r') {
            end--;
        }
        if (end > 0) {
            byte[] bytes = java.util.Arrays.copyOf(value, end);
            to.accept(new Entry(name(), new Position.Line(number), -1, null, bytes));
        }
    }

    @Override
    public boolean areOfFile() {
        return true;
    }

    @Override
    public String name() {
        return file.toString();
    }
}
