package io.millrace.jobs.init;

import io.millrace.operators.corpus.format.FileFormat;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The first records of a file or topic.
 *
 * @param name of the file or topic
 * @param file null for a topic
 * @param format of the file; null for a topic
 * @param rows their fields; objects are maps
 */
record Sample(String name, Path file, FileFormat format, List<Map<String, Object>> rows) {
    /** The most records that are looked at. */
    static final int ROWS = 10;

    /** What the records are called in a sentence. */
    String described() {
        return "%d %s of %s".formatted(rows.size(), file == null ? "records" : "rows", name);
    }

    /** Whether each record has all of these fields. */
    boolean haveAll(String... fields) {
        return rows.stream().allMatch(row -> row.keySet().containsAll(List.of(fields)));
    }
}
