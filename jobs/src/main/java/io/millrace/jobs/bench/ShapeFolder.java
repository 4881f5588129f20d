package io.millrace.jobs.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes a model folder without weights, to measure a shape with dummy weights without a download.
 */
final class ShapeFolder {
    private ShapeFolder() {}

    /** Writes config.json and tokenizer.json into an empty folder. */
    static void write(BenchShape shape, Path folder) throws IOException {
        ObjectMapper json = new ObjectMapper();
        Files.createDirectories(folder);
        json.writeValue(folder.resolve("config.json").toFile(), shape.config());
        json.writeValue(folder.resolve("tokenizer.json").toFile(), tokenizer(shape.vocabulary()));
    }

    /** A vocabulary with a word per token, so that detokenizing has its usual cost. */
    private static ObjectNode tokenizer(int vocabulary) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation").putNull("padding");
        root.putArray("added_tokens");
        root.putNull("normalizer");
        root.putObject("pre_tokenizer").put("type", "Whitespace");
        root.putNull("post_processor").putNull("decoder");
        ObjectNode model = root.putObject("model").put("type", "WordLevel").put("unk_token", "w0");
        ObjectNode words = model.putObject("vocab");
        for (int i = 0; i < vocabulary; i++) {
            words.put("w" + i, i);
        }
        return root;
    }
}
