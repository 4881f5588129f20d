package io.millrace.jobs.corpus;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.OutputFolder;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/** Finds the files that a path, a folder or a glob means. */
final class InputFiles {
    private static final Pattern SCHEME = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]+):/.*");

    private final FileFormat.Rows rows;
    private final Character delimiter;
    private final Path out;

    /**
     * @param rows what rows are whatever a file's name says; null to go by the names
     * @param delimiter between the cells of CSV whatever a file's name says; null to go by the
     *     names
     * @param out where outputs go; what is in there is no input of the folder that holds it
     */
    InputFiles(FileFormat.Rows rows, Character delimiter, Path out) throws IOException {
        this.rows = rows;
        this.delimiter = delimiter;
        this.out = real(out);
    }

    /** Without symbolic links; the end of a path may not be there yet. */
    static Path real(Path path) throws IOException {
        if (Files.exists(path)) {
            return path.toRealPath();
        }
        Path parent = path.getParent();
        return parent == null ? path : real(parent).resolve(path.getFileName());
    }

    /**
     * A path of the local disks.
     *
     * @param what names it in the message
     */
    static Path local(String what, String given) {
        var scheme = SCHEME.matcher(given);
        if (!scheme.matches()) {
            return Path.of(given).toAbsolutePath().normalize();
        }
        if (!scheme.group(1).equals("file")) {
            throw new CommandFailedException(
                    "%s is %s: so far only files of this machine's disks can be read and written."
                            .formatted(what, given));
        }
        return Path.of(given.substring("file:".length()).replaceFirst("^/+", "/")).normalize();
    }

    /** The files, by their names below the folder that is given or that a glob begins with. */
    List<InputFile> find(String given) throws IOException {
        Path path = local("IN", given);
        List<InputFile> files = new ArrayList<>();
        if (Files.isRegularFile(path)) {
            add(path.getParent(), path, files);
        } else if (Files.isDirectory(path)) {
            walk(path, null, files);
        } else {
            Path base = base(path);
            if (base.equals(path)) {
                throw new CommandFailedException(
                        "There is no file or folder %s: give IN a path or a glob that there is."
                                .formatted(given));
            }
            walk(base, matcher(path), files);
        }
        if (files.isEmpty()) {
            throw new CommandFailedException("There are no files in %s.".formatted(given));
        }
        return files;
    }

    private static PathMatcher matcher(Path glob) {
        try {
            return FileSystems.getDefault().getPathMatcher("glob:" + glob);
        } catch (PatternSyntaxException e) {
            throw new CommandFailedException("IN is no glob: " + e.getMessage(), e);
        }
    }

    /** The folder that a glob begins with; the path itself if it is none. */
    private static Path base(Path glob) {
        Path base = glob;
        for (Path at = glob; at != null; at = at.getParent()) {
            Path name = at.getFileName();
            if (name != null && name.toString().matches(".*[*?\\[{].*")) {
                base = at.getParent();
            }
        }
        return base;
    }

    /**
     * @param matcher null to take all but what is hidden
     */
    private void walk(Path base, PathMatcher matcher, List<InputFile> files) throws IOException {
        if (!Files.isDirectory(base)) {
            throw new CommandFailedException(
                    "There is no folder %s, in which files are looked for.".formatted(base));
        }
        boolean holdsOut = !base.toRealPath().startsWith(out);
        try (Stream<Path> walk = Files.walk(base, FileVisitOption.FOLLOW_LINKS)) {
            for (Path path : walk.filter(Files::isRegularFile).sorted().toList()) {
                if (holdsOut && path.toRealPath().startsWith(out)) {
                    continue;
                }
                boolean taken =
                        matcher == null
                                ? !isHidden(base, path)
                                : matcher.matches(path) && !isReserved(base, path);
                if (taken) {
                    add(base, path, files);
                }
            }
        }
    }

    /** As everywhere, what begins with a dot or an underscore is not data. */
    private static boolean isHidden(Path base, Path path) {
        for (Path name : base.relativize(path)) {
            if (name.toString().startsWith(".") || name.toString().startsWith("_")) {
                return true;
            }
        }
        return false;
    }

    /** What another corpus wrote beside its outputs; its name here would be in use, too. */
    private static boolean isReserved(Path base, Path path) {
        return OutputFolder.isReserved(base.relativize(path).toString());
    }

    private void add(Path base, Path path, List<InputFile> files) throws IOException {
        String name = base.relativize(path).toString();
        FileFormat format = FileFormat.of(name, rows, delimiter);
        if (format == null) {
            throw new CommandFailedException(
                    "The name of %s does not tell what it is made of (.jsonl, .ndjson, .csv or .tsv,"
                                    .formatted(path)
                            + " with .gz, .xz, .zst or without; .parquet): give --rows, or leave it out with"
                            + " a glob such as 'IN/**.jsonl'.");
        }
        files.add(InputFile.of(name, path, format));
    }
}
