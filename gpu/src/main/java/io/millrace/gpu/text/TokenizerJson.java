package io.millrace.gpu.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A tokenizer.json as the library is to read it: the tokens that the folder's other files add are
 * in it, and nothing in it is left to chance.
 */
public final class TokenizerJson {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> FLAGS =
            List.of("single_word", "lstrip", "rstrip", "normalized");

    private final Path file;
    private final String original;

    /** Null where the file is no tokenizer. */
    private final ObjectNode root;

    private final List<String> notices = new ArrayList<>();
    private boolean changed;

    private TokenizerJson(Path file, String original, ObjectNode root) {
        this.file = file;
        this.original = original;
        this.root = root;
    }

    /**
     * Reads a tokenizer. A file that the library will not read either is left as it is.
     *
     * @param config what the folder's other files say
     * @param vocabulary number of token ids that the model knows
     * @throws IOException a file that is missing; the message is one sentence
     */
    public static TokenizerJson read(Path file, TokenizerConfig config, int vocabulary)
            throws IOException {
        TokenizerJson json = read(file);
        json.addTokens(config, vocabulary);
        return json;
    }

    /** The same, of a file that stands alone. */
    static TokenizerJson read(Path file) throws IOException {
        Optional<String> text = JsonFile.text(file);
        if (text.isEmpty()) {
            throw new IOException("The model has no tokenizer: " + file + " is missing.");
        }
        TokenizerJson json = new TokenizerJson(file, text.get(), tree(text.get()));
        json.stopDropout();
        return json;
    }

    private static ObjectNode tree(String text) {
        try {
            if (JSON.readTree(text) instanceof ObjectNode root
                    && root.path("model").isObject()
                    && (root.path("added_tokens").isArray() || !root.has("added_tokens"))) {
                return root;
            }
        } catch (JsonProcessingException e) {
            // The library says what is wrong with it.
        }
        return null;
    }

    /** Dropout is for training: with it a prompt has other tokens at each call. */
    private void stopDropout() {
        if (root != null && root.get("model").path("dropout").asDouble() > 0) {
            ObjectNode model = (ObjectNode) root.get("model");
            notices.add(
                    "%s has model.dropout = %s, which is for training: it is off here, or a prompt would have other tokens at each call."
                            .formatted(file, model.get("dropout")));
            model.putNull("dropout");
            changed = true;
        }
    }

    private void addTokens(TokenizerConfig config, int vocabulary) {
        if (root == null) {
            return;
        }
        for (JsonNode token : config.added().values()) {
            String content = TokenizerConfig.content(token);
            if (content != null) {
                boolean special = token.path("special").asBoolean();
                ObjectNode there = find(content);
                if (there == null) {
                    append(content, special, token);
                } else {
                    boolean rebuilt = config.tokenizerClass() != TokenizerClass.BASE;
                    boolean was = there.path("special").asBoolean();
                    flags(there, rebuilt ? special : special || was, token);
                }
            }
        }
        for (JsonNode token : config.special()) {
            String content = TokenizerConfig.content(token);
            if (content == null) {
                continue;
            }
            ObjectNode there = find(content);
            if (there != null) {
                set(there, "special", true);
            } else if (!config.isDefault(token) || nextId(content) < vocabulary) {
                append(content, true, token);
            }
        }
    }

    private ObjectNode find(String content) {
        for (JsonNode token : root.path("added_tokens")) {
            if (token instanceof ObjectNode object
                    && content.equals(object.path("content").textValue())) {
                return object;
            }
        }
        return null;
    }

    private void append(String content, boolean special, JsonNode flags) {
        ArrayNode tokens = root.withArray("added_tokens");
        int id = nextId(content);
        ObjectNode token = tokens.addObject().put("id", id).put("content", content);
        for (String flag : FLAGS) {
            boolean absent = flag.equals("normalized") && !special;
            token.put(flag, flags.path(flag).asBoolean(absent));
        }
        token.put("special", special);
        changed = true;
    }

    private void flags(ObjectNode token, boolean special, JsonNode flags) {
        for (String flag : FLAGS) {
            if (flags.has(flag)) {
                set(token, flag, flags.get(flag).asBoolean());
            }
        }
        set(token, "special", special);
    }

    private void set(ObjectNode token, String flag, boolean value) {
        if (token.path(flag).asBoolean() != value) {
            token.put(flag, value);
            changed = true;
        }
    }

    /** The id that the library gives a token that is added: the vocabulary's, or else the next. */
    private int nextId(String content) {
        JsonNode vocabulary = root.path("model").path("vocab");
        int id = vocabularyId(vocabulary, content);
        if (id >= 0) {
            return id;
        }
        int next = vocabulary.size();
        for (JsonNode token : root.path("added_tokens")) {
            next = Math.max(next, token.path("id").asInt() + 1);
        }
        return next;
    }

    /** A vocabulary is an object of ids by token, or a list of tokens with their scores. */
    private static int vocabularyId(JsonNode vocabulary, String content) {
        if (vocabulary.isObject()) {
            return vocabulary.path(content).asInt(-1);
        }
        for (int id = 0; id < vocabulary.size(); id++) {
            if (content.equals(vocabulary.get(id).path(0).textValue())) {
                return id;
            }
        }
        return -1;
    }

    /** The id of a token, whether it was added or is of the vocabulary. */
    public OptionalInt id(String content) {
        if (root == null) {
            return OptionalInt.empty();
        }
        ObjectNode added = find(content);
        int id =
                added != null
                        ? added.path("id").asInt(-1)
                        : vocabularyId(root.path("model").path("vocab"), content);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Text of the special tokens by id. */
    Map<Integer, String> specialTokens() {
        Map<Integer, String> tokens = new HashMap<>();
        if (root != null) {
            for (JsonNode token : root.path("added_tokens")) {
                if (token.path("special").asBoolean()) {
                    tokens.put(token.path("id").asInt(), token.path("content").asText());
                }
            }
        }
        return Map.copyOf(tokens);
    }

    /** What the library is to read. */
    public String text() {
        return changed ? root.toString() : original;
    }

    /** What makes other tokens of a text than the file alone would; empty if nothing does. */
    public String fingerprint() {
        if (!changed) {
            return "";
        }
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            byte[] hash = sha.digest(text().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, 12);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JVM has no SHA-256", e);
        }
    }

    /** What the user should know, a sentence each. */
    public List<String> notices() {
        return List.copyOf(notices);
    }

    Path file() {
        return file;
    }
}
