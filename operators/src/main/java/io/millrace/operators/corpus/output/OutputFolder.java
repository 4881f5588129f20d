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
 * The layout of the output folder.
 *
 * <pre>
 * OUT/a/b.jsonl                        output of IN/a/b.jsonl, always complete
 *    /_failures/a/b.jsonl.jsonl        its failed rows, with reasons
 *    /.millrace/staging/HASH/PART      outcomes of a file that is not committed, by its name's hash
 *    /.millrace/encoding/HASH-ATTEMPT  a file that is being written
 *    /.millrace/totals                 counts of committed files and rows
 * </pre>
 *
 * @param root absolute path of OUT
 */
public record OutputFolder(String root) implements Serializable {
    /** Folder of files that are not output. */
    public static final String HIDDEN = ".millrace";

    /** Folder of failures. */
    public static final String FAILURES = "_failures";

    /** Whether a path relative to {@code root} is in one of the folders that hold no output. */
    public static boolean isReserved(String name) {
        return name.startsWith(HIDDEN + "/") || name.startsWith(FAILURES + "/");
    }

    /** The output of an input file. */
    public Path output(String file) {
        return Path.of(root).resolve(file);
    }

    /** The failures of an input file. */
    public Path failures(String file) {
        return Path.of(root).resolve(FAILURES).resolve(file + ".jsonl");
    }

    /** The folder of files that are not output. */
    public Path hidden() {
        return Path.of(root).resolve(HIDDEN);
    }

    Path staging(String file) {
        return hidden().resolve("staging").resolve(Sha256.fingerprint(file));
    }

    Path encoding(String file) {
        return hidden().resolve("encoding").resolve(Sha256.fingerprint(file));
    }

    /** Whether the output of an input file exists, or its failure if it cannot be read. */
    boolean isCommitted(FileEvent.End end) {
        return Files.exists(end.fault() == null ? output(end.file()) : failures(end.file()));
    }

    /** Deletes staging files and files that were being written. */
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

    /** Moves a complete file to its final name, durably. */
    static void publish(Path written, Path name) throws IOException {
        Files.createDirectories(name.getParent());
        Files.move(written, name, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel folder = FileChannel.open(name.getParent(), StandardOpenOption.READ)) {
            folder.force(true);
        }
    }
}
