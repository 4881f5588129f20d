package io.millrace.gpu.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * The bytes that each token of a {@code tokenizer.json} stands for within a text: of byte-level
 * vocabularies and of those that write a space as U+2581.
 */
public final class TokenBytes {
    private static final int BYTES = 256;
    private static final String BYTE_TOKEN = "<0x[0-9A-Fa-f]{2}>";

    private TokenBytes() {}

    /**
     * The bytes by token id, of a file without the folder's other files.
     *
     * @throws IOException the file is missing, or its vocabulary is of another kind
     */
    public static byte[][] of(Path tokenizerJson) throws IOException {
        return of(TokenizerJson.read(tokenizerJson));
    }

    /**
     * The bytes by token id; null for special tokens, which decoding leaves out, and ids without a
     * token.
     *
     * @throws IOException the vocabulary is of another kind
     */
    public static byte[][] of(TokenizerJson json) throws IOException {
        JsonNode root = json.root() == null ? MissingNode.getInstance() : json.root();
        JsonNode vocabulary = root.path("model").path("vocab");
        boolean byteLevel = has(root.path("decoder"), "ByteLevel", "decoders");
        boolean spaces =
                has(root.path("decoder"), "Replace", "decoders")
                        || has(root.path("decoder"), "Metaspace", "decoders");
        if (!vocabulary.isObject() || !byteLevel && !spaces) {
            throw new IOException(
                    json.file() + " has no byte-level vocabulary and none with spaces as U+2581");
        }
        Map<Integer, byte[]> tokens = new HashMap<>();
        Map<Character, Integer> letters = letters();
        Iterator<Map.Entry<String, JsonNode>> fields = vocabulary.fields();
        while (fields.hasNext()) {
            Map.Entry<String, JsonNode> field = fields.next();
            String token = field.getKey();
            tokens.put(
                    field.getValue().intValue(),
                    byteLevel ? byteLevel(token, letters) : spaced(token));
        }
        for (JsonNode added : root.path("added_tokens")) {
            boolean special = added.path("special").asBoolean();
            byte[] content = added.path("content").asText().getBytes(StandardCharsets.UTF_8);
            tokens.put(added.path("id").intValue(), special ? null : content);
        }
        int size = tokens.keySet().stream().mapToInt(id -> id + 1).max().orElse(0);
        byte[][] all = new byte[size][];
        tokens.forEach((id, bytes) -> all[id] = bytes);
        return all;
    }

    private static boolean has(JsonNode decoder, String type, String parts) {
        if (decoder.path("type").asText().equals(type)) {
            return true;
        }
        for (JsonNode part : decoder.path(parts)) {
            if (has(part, type, parts)) {
                return true;
            }
        }
        return false;
    }

    private static Map<Character, Integer> letters() {
        Map<Character, Integer> letters = new HashMap<>();
        int unprintable = 0;
        for (int b = 0; b < BYTES; b++) {
            letters.put(ByteLetters.isPrintable(b) ? (char) b : (char) (BYTES + unprintable++), b);
        }
        return letters;
    }

    /** Null for a token with a letter that stands for no byte. */
    private static byte[] byteLevel(String token, Map<Character, Integer> letters) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            Integer value = letters.get(token.charAt(i));
            if (value == null) {
                return null;
            }
            bytes[i] = value.byteValue();
        }
        return bytes;
    }

    private static byte[] spaced(String token) {
        if (token.matches(BYTE_TOKEN)) {
            return new byte[] {(byte) Integer.parseInt(token.substring(3, 5), 16)};
        }
        return token.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
    }
}
