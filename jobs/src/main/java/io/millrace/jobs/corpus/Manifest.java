package io.millrace.jobs.corpus;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.operators.corpus.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What a corpus was begun with, beside its output: a later start must be of the same, or half of
 * the answers would be of something else.
 */
final class Manifest {
    /** Its name in OUT's hidden folder. */
    static final String FILE = "corpus.json";

    private static final int VERSION = 2;

    // Not in manifests of earlier releases.
    private static final String COPIES = "deduplicated_rows";
    private static final String BY_ID = "rows_with_seed_by_id";

    /** Characters of a value in an error. */
    private static final int LONGEST_SAID = 200;

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
     * @param copies of the rows, those with the answer that was computed for an equal one
     * @param byId with --dedupe: rows that were computed each, since their id is the seed
     */
    record Summary(
            long files,
            long failedFiles,
            long rows,
            long failures,
            long tokens,
            long copies,
            long byId) {}

    /** The one in a folder, null if nothing was begun there. */
    static Manifest read(Path path) throws IOException {
        if (!Files.exists(path)) {
            return null;
        }
        JsonNode content;
        try {
            content = JSON.readTree(path.toFile());
        } catch (JsonProcessingException e) {
            throw damaged(path, "it is not JSON: " + e.getOriginalMessage());
        }
        if (!(content instanceof ObjectNode object)) {
            throw damaged(path, "it is not a JSON object");
        }
        if (object.path("version").asInt() != VERSION) {
            throw new CommandFailedException(
                    "%s has the version %s, and this release reads %d: finish the corpus with the release that began it, or start again with another output folder."
                            .formatted(path, object.get("version"), VERSION));
        }
        return new Manifest(path, object);
    }

    private static CommandFailedException damaged(Path path, String what) {
        return new CommandFailedException(
                "%s was changed since it was written, or is damaged: %s. Restore the file, or start again with another output folder."
                        .formatted(path, what));
    }

    /** A field that must be there. */
    private JsonNode field(JsonNode of, String name, Predicate<JsonNode> kind) {
        JsonNode value = of.get(name);
        if (value == null || !kind.test(value)) {
            throw damaged(
                    path,
                    value == null
                            ? "it has no field " + name
                            : "its field %s is %s".formatted(name, value));
        }
        return value;
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
        String now = field(content, "now", JsonNode::isTextual).asText();
        try {
            return Instant.parse(now);
        } catch (DateTimeParseException e) {
            throw damaged(path, "its field now is '" + now + "', no time");
        }
    }

    /** What came of it, null if it is not finished. */
    Summary summary() {
        if (!content.has("finished")) {
            return null;
        }
        JsonNode finished = field(content, "finished", JsonNode::isObject);
        return new Summary(
                count(finished, "files"),
                count(finished, "failed_files"),
                count(finished, "rows"),
                count(finished, "failures"),
                count(finished, "tokens"),
                finished.has(COPIES) ? count(finished, COPIES) : 0,
                finished.has(BY_ID) ? count(finished, BY_ID) : 0);
    }

    private long count(JsonNode of, String name) {
        return field(of, name, JsonNode::isIntegralNumber).asLong();
    }

    /**
     * Refuses what is not as it was at the beginning.
     *
     * @param given what would be begun now, with the clock of this one unless another was asked for
     */
    void requireSame(Manifest given) {
        JsonNode then = field(content, "options", JsonNode::isObject);
        JsonNode now = given.content.get("options");
        for (Iterator<String> names = now.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            JsonNode before = then.has(name) ? then.get(name) : NullNode.getInstance();
            if (!now.get(name).equals(before)) {
                throw refused(
                        "%s was begun with %s, and this is %s"
                                .formatted(
                                        folder(),
                                        said(name, before, now.get(name)),
                                        said(name, now.get(name), before)));
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
                        "the input file %s was changed since the beginning: %s"
                                .formatted(each.getKey(), difference(old, each.getValue())));
            }
        }
        if (!before.isEmpty()) {
            throw refused(
                    "the input file %s is gone since the beginning"
                            .formatted(before.keySet().iterator().next()));
        }
    }

    /** The first field of an input file that is another. */
    private static String difference(JsonNode then, JsonNode now) {
        for (Iterator<String> names = now.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!now.get(name).equals(then.get(name))) {
                return "%s was %s and is %s".formatted(name, then.get(name), now.get(name));
            }
        }
        return "it has other fields in " + FILE;
    }

    /** An option and its value, of a long one the part from just before the first difference. */
    private static String said(String name, JsonNode value, JsonNode other) {
        if (value.isNull()) {
            return "no " + name;
        }
        String text = value.asText();
        String others = other.isNull() ? "" : other.asText();
        if (text.length() <= LONGEST_SAID) {
            return name + " " + text;
        }
        int same = 0;
        while (same < Math.min(text.length(), others.length())
                && text.charAt(same) == others.charAt(same)) {
            same++;
        }
        int from = Math.max(0, Math.min(same - LONGEST_SAID / 4, text.length() - LONGEST_SAID));
        int to = Math.min(from + LONGEST_SAID, text.length());
        return "%s %s%s%s (from character %d of %d)"
                .formatted(
                        name,
                        from == 0 ? "" : "...",
                        text.substring(from, to),
                        to == text.length() ? "" : "...",
                        from + 1,
                        text.length());
    }

    private Map<String, JsonNode> files() {
        Map<String, JsonNode> files = new LinkedHashMap<>();
        for (JsonNode file : field(content, "files", JsonNode::isArray)) {
            files.put(field(file, "name", JsonNode::isTextual).asText(), file);
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
                        + ": restore the former state, or start again with another output folder.");
    }

    void finish(Summary summary) throws IOException {
        content.putObject("finished")
                .put("files", summary.files())
                .put("failed_files", summary.failedFiles())
                .put("rows", summary.rows())
                .put("failures", summary.failures())
                .put("tokens", summary.tokens())
                .put(COPIES, summary.copies())
                .put(BY_ID, summary.byId());
        write();
    }

    private void write() throws IOException {
        Path part = path.resolveSibling(path.getFileName() + ".part");
        JSON.writeValue(part.toFile(), content);
        Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
    }
}
