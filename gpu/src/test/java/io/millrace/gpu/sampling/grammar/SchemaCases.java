package io.millrace.gpu.sampling.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The cases that lie beside the tests, one JSON object a line. */
final class SchemaCases {
    private SchemaCases() {}

    static List<JsonNode> read(String name) {
        try (InputStream in = SchemaCases.class.getResourceAsStream(name)) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return text.lines().map(CompiledSchema::parse).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Tokens for tests: each byte, and pieces of JSON that cross its boundaries. */
    static byte[][] vocabulary() {
        String[] pieces = {
            "\":",
            "\": ",
            "\", \"",
            "{\"",
            "\"}",
            "\"]",
            "[\"",
            "}}",
            "]]",
            "[[",
            "],",
            "tru",
            "e,",
            "null",
            "al",
            "ab",
            "abc",
            " \"",
            "\"a",
            "a\"",
            "12",
            "100",
            ".5",
            "0}",
            "1,",
            "\\\"",
            "\\u00",
            "\u00e9",
            "\u00e9t",
            "\ud83d\ude00",
            "aaaa",
            "bb\"",
            "\"b\": 1",
            "xy",
            "-1",
            "e+",
            "red\"",
            "\"\"",
            "{}",
            "[]"
        };
        byte[][] tokens = new byte[256 + pieces.length + 1][];
        for (int b = 0; b < 256; b++) {
            tokens[b] = new byte[] {(byte) b};
        }
        for (int i = 0; i < pieces.length; i++) {
            tokens[256 + i] = pieces[i].getBytes(StandardCharsets.UTF_8);
        }
        return tokens; // The last is no text.
    }
}
