package io.millrace.operators.corpus.output;

import io.millrace.gpu.common.Sha256;
import java.io.IOException;
import java.io.Serializable;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where outputs lie.
 *
 * <pre>
 * OUT/a/b.jsonl                       the output of IN/a/b.jsonl, whole as soon as it is there
 *    /_failures/a/b.jsonl.jsonl       rows that could not be answered, and why
 *    /.millrace/staging/HASH/PART     outcomes of a file that is not whole yet, by its name's hash
 *    /.millrace/encoding/HASH-ATTEMPT  a file that is being written
 *    /.millrace/totals                how much has been committed
 * </pre>
 *
 * @param root absolute path of OUT
 */
public record OutputFolder(String root) implements Serializable {
    /** Holds what is not output. */
    public static final String HIDDEN = ".millrace";

    /** Holds what could not be answered. */
    public static final String FAILURES = "_failures";

    /** Whether a file of that name below {@code root} is none of the outputs. */
    public static boolean isReserved(String name) {
        return name.startsWith(HIDDEN + "/") || name.startsWith(FAILURES + "/");
    }

    /** The output of an input file. */
    public Path output(String file) {
        return Path.of(root).resolve(file);
    }

    /** The rows of an input file that could not be answered. */
    public Path failures(String file) {
        return Path.of(root).resolve(FAILURES).resolve(file + ".jsonl");
    }

    /** What is not output. */
    public Path hidden() {
        return Path.of(root).resolve(HIDDEN);
    }

    Path staging(String file) {
        return hidden().resolve("staging").resolve(Sha256.fingerprint(file));
    }

    Path encoding(String file) {
        return hidden().resolve("encoding").resolve(Sha256.fingerprint(file));
    }

    /** Whether an input file has its output, or the failure that it has none. */
    boolean isCommitted(FileNews.End end) {
        return Files.exists(end.fault() == null ? output(end.file()) : failures(end.file()));
    }

    /** Removes all that is needed only until every file is whole. */
    public void sweep() throws IOException {
        delete(hidden().resolve("staging"));
        delete(hidden().resolve("encoding"));
    }

    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path each : all) {
            Files.deleteIfExists(each);
        }
    }

    /** Gives a file that is whole its name, for good. */
    static void publish(Path written, Path name) throws IOException {
        Files.createDirectories(name.getParent());
        Files.move(written, name, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel folder = FileChannel.open(name.getParent(), StandardOpenOption.READ)) {
            folder.force(true);
        }
    }
}
