package io.millrace.jobs.corpus;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.operators.corpus.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a corpus was begun with, beside its output: a later start must be of the same, or half of
 * the answers would be of something else.
 */
final class Manifest {
    private static final int VERSION = 1;
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private final Path path;
    private final ObjectNode content;

    private Manifest(Path path, ObjectNode content) {
        this.path = path;
        this.content = content;
    }

    /**
     * What came of a corpus.
     *
     * @param failedFiles of the files, those that have no output
     */
    record Summary(long files, long failedFiles, long rows, long failures, long tokens) {}

    /** The one in a folder, null if nothing was begun there. */
    static Manifest read(Path path) throws IOException {
        if (!Files.exists(path)) {
            return null;
        }
        JsonNode content = JSON.readTree(path.toFile());
        if (content.path("version").asInt() != VERSION) {
            throw new CommandFailedException(
                    "%s is of another release: finish the corpus with that, or begin anew with another"
                                    .formatted(path)
                            + " output folder.");
        }
        return new Manifest(path, (ObjectNode) content);
    }

    /**
     * A new one, not written yet.
     *
     * @param options what answers and outputs depend on, by the options' names
     */
    static Manifest of(Path path, Instant now, Map<String, String> options, List<InputFile> files)
            throws IOException {
        ObjectNode content = JSON.createObjectNode();
        content.put("version", VERSION);
        content.put("now", now.toString());
        ObjectNode given = content.putObject("options");
        options.forEach(given::put);
        ArrayNode list = content.putArray("files");
        for (InputFile file : files) {
            list.addObject()
                    .put("name", file.name())
                    .put("path", file.path())
                    .put("size", file.size())
                    .put("modified_ms", file.modifiedMs())
                    .put("sha256_of_first_64_kib", file.head())
                    .put("format", String.valueOf(file.format()));
        }
        // Read again, so that a number is of the same kind as in one that was read.
        return new Manifest(path, (ObjectNode) JSON.readTree(JSON.writeValueAsBytes(content)));
    }

    /** The clock of chat templates. */
    Instant now() {
        return Instant.parse(content.get("now").asText());
    }

    /** What came of it, null if it is not finished. */
    Summary summary() {
        JsonNode finished = content.get("finished");
        return finished == null
                ? null
                : new Summary(
                        finished.get("files").asLong(),
                        finished.get("failed_files").asLong(),
                        finished.get("rows").asLong(),
                        finished.get("failures").asLong(),
                        finished.get("tokens").asLong());
    }

    /**
     * Refuses what is not as it was at the beginning.
     *
     * @param given what would be begun now, with the clock of this one unless another was asked for
     */
    void requireSame(Manifest given) {
        JsonNode then = content.get("options");
        JsonNode now = given.content.get("options");
        for (Iterator<String> names = now.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!now.get(name).equals(then.path(name))) {
                throw refused(
                        "%s was begun with %s, and this is %s"
                                .formatted(
                                        folder(),
                                        said(name, then.get(name)),
                                        said(name, now.get(name))));
            }
        }
        if (!now().equals(given.now())) {
            throw refused("%s was begun with --now %s".formatted(folder(), now()));
        }
        Map<String, JsonNode> before = files();
        Map<String, JsonNode> after = given.files();
        for (Map.Entry<String, JsonNode> each : after.entrySet()) {
            JsonNode old = before.remove(each.getKey());
            if (old == null) {
                throw refused(
                        "the input file %s has come since the beginning".formatted(each.getKey()));
            }
            if (!old.equals(each.getValue())) {
                throw refused(
                        "the input file %s was changed since the beginning"
                                .formatted(each.getKey()));
            }
        }
        if (!before.isEmpty()) {
            throw refused(
                    "the input file %s is gone since the beginning"
                            .formatted(before.keySet().iterator().next()));
        }
    }

    private static String said(String name, JsonNode value) {
        return value == null || value.isNull() ? "no " + name : name + " " + value.asText();
    }

    private Map<String, JsonNode> files() {
        Map<String, JsonNode> files = new LinkedHashMap<>();
        for (JsonNode file : content.get("files")) {
            files.put(file.get("name").asText(), file);
        }
        return files;
    }

    /** Refuses another model than the one that it was begun with; notes it at the beginning. */
    void requireModel(String fingerprint) throws IOException {
        JsonNode before = content.get("model_fingerprint");
        if (before == null) {
            content.put("model_fingerprint", fingerprint);
            write();
        } else if (!before.asText().equals(fingerprint)) {
            throw refused(
                    "%s was begun with the model of fingerprint %s, and this one's is %s"
                            .formatted(folder(), before.asText(), fingerprint));
        }
    }

    private Path folder() {
        return path.getParent().getParent();
    }

    private static CommandFailedException refused(String what) {
        return new CommandFailedException(
                Character.toUpperCase(what.charAt(0))
                        + what.substring(1)
                        + ": bring back what it was, or begin anew with another output folder.");
    }

    void finish(Summary summary) throws IOException {
        content.putObject("finished")
                .put("files", summary.files())
                .put("failed_files", summary.failedFiles())
                .put("rows", summary.rows())
                .put("failures", summary.failures())
                .put("tokens", summary.tokens());
        write();
    }

    private void write() throws IOException {
        Path part = path.resolveSibling(path.getFileName() + ".part");
        JSON.writeValue(part.toFile(), content);
        Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
    }
}
