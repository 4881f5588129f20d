package io.millrace.gpu.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.EngineOptions.AddBos;
import io.millrace.gpu.common.Sha256;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A tokenizer.json, completed for the library: with the tokens of the folder's other files, and
 * without randomness.
 */
public final class TokenizerJson {

    /** Does not intern field names: a vocabulary has hundreds of thousands, each once. */
    private static final ObjectMapper JSON =
            new ObjectMapper(
                    JsonFactory.builder()
                            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                            .build());

    private static final List<String> FLAGS =
            List.of("single_word", "lstrip", "rstrip", "normalized");

    private final Path file;
    private final String original;

    /** Null if the file is no tokenizer. */
    private final ObjectNode root;

    private final List<String> notices = new ArrayList<>();
    private boolean changed;

    private TokenizerJson(Path file, String original, ObjectNode root) {
        this.file = file;
        this.original = original;
        this.root = root;
    }

    /**
     * Reads a tokenizer. A file that the library cannot read either is kept unchanged.
     *
     * @param config the folder's other files
     * @param vocabulary number of token ids that the model knows
     * @throws IOException the file is missing; the message is one sentence
     */
    public static TokenizerJson read(Path file, TokenizerConfig config, int vocabulary)
            throws IOException {
        TokenizerJson json = read(file);
        json.addTokens(config, vocabulary);
        return json;
    }

    /** The same, of a file without the other files. */
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
            // The library reports the error.
        }
        return null;
    }

    /** Removes dropout, which is for training: it makes the tokens of a prompt random. */
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
        Set<String> fresh = new HashSet<>();
        for (JsonNode token : config.named()) {
            addSpecial(config, token, vocabulary, fresh, true);
        }
        for (JsonNode token : config.extra()) {
            addSpecial(config, token, vocabulary, fresh, false);
        }
    }

    private void addSpecial(
            TokenizerConfig config,
            JsonNode token,
            int vocabulary,
            Set<String> fresh,
            boolean isNamed) {
        String content = TokenizerConfig.content(token);
        if (content == null) {
            return;
        }
        ObjectNode there = find(content);
        if (there == null) {
            if (!config.isDefault(token) || nextId(content) < vocabulary) {
                append(content, true, token);
                fresh.add(content);
            }
        } else if (fresh.contains(content)) {
            flags(there, true, token);
        } else if (config.tokenizerClass() == TokenizerClass.QWEN2) {
            flags(there, true, JsonNodeFactory.instance.objectNode());
        } else if (isNamed && (!config.hasDecoder() || config.isAdded(content))) {
            set(there, "special", true);
        }
    }

    /**
     * Applies the settings of tokenizer_config.json and of the user.
     *
     * @param addBos whether prompts begin with the bos token: {@code model}, {@code always} or
     *     {@code never}
     * @throws IOException a setting that cannot be applied
     */
    public void settle(TokenizerConfig config, AddBos addBos) throws IOException {
        if (root == null) {
            return;
        }
        refuseCleanUp(config);
        notePrefix(config);
        PostProcessor post = new PostProcessor(root);
        String bos = config.specialTokens().get("bos_token");
        String eos = config.specialTokens().get("eos_token");
        switch (addBos) {
            case ALWAYS -> putFirst(post, bos);
            case NEVER -> leaveOut(post, bos);
            default ->
                    noteIgnored(
                            config,
                            "add_bos_token",
                            bos,
                            bos != null && post.begins(bos),
                            "before a prompt",
                            "; --add-bos always or never decides otherwise");
        }
        noteIgnored(
                config, "add_eos_token", eos, eos != null && post.ends(eos), "behind a prompt", "");
    }

    private void putFirst(PostProcessor post, String bos) throws IOException {
        if (bos == null || id(bos).isEmpty()) {
            throw new IOException(
                    "Prompts are to begin with the bos token always, but %s: name it in tokenizer_config.json, or leave it to the model."
                            .formatted(
                                    bos == null
                                            ? "no file of the model names a bos_token"
                                            : file + " has no token " + bos));
        }
        if (!post.begins(bos)) {
            post.addFirst(bos, id(bos).getAsInt());
            changed = true;
        }
    }

    private void leaveOut(PostProcessor post, String bos) throws IOException {
        if (bos != null && post.begins(bos)) {
            if (!post.removeFirst(bos)) {
                throw new IOException(
                        "Prompts are never to begin with the bos token, but the post-processor in %s always puts %s there."
                                .formatted(file, bos));
            }
            changed = true;
        }
    }

    /** Notes keys that transformers 4 applied for some classes, and transformers 5 ignores. */
    private void noteIgnored(
            TokenizerConfig config,
            String key,
            String token,
            boolean there,
            String where,
            String remedy) {
        JsonNode value = config.get(key);
        if (value.isBoolean() && token != null && value.booleanValue() != there) {
            notices.add(
                    "tokenizer_config.json has %s = %s, but %s %s %s %s: the latter holds, as in transformers 5%s."
                            .formatted(
                                    key,
                                    value,
                                    file,
                                    there ? "puts" : "does not put",
                                    token,
                                    where,
                                    remedy));
        }
    }

    private void refuseCleanUp(TokenizerConfig config) throws IOException {
        String type = root.path("model").path("type").asText("BPE");
        if (config.get("clean_up_tokenization_spaces").asBoolean() && !type.equals("BPE")) {
            throw new IOException(
                    "tokenizer_config.json has clean_up_tokenization_spaces = true, which is not done for a tokenizer of type %s: set it to false if answers are to be as they are generated."
                            .formatted(type));
        }
    }

    /** Notes a key that changes the pre-tokenizer of classes that transformers rebuilds. */
    private void notePrefix(TokenizerConfig config) {
        JsonNode value = config.get("add_prefix_space");
        if (config.tokenizerClass() != TokenizerClass.BASE && value.isBoolean()) {
            boolean prefixed =
                    prefixes(root.path("pre_tokenizer")) || prefixes(root.path("normalizer"));
            if (prefixed != value.booleanValue()) {
                notices.add(
                        "tokenizer_config.json has add_prefix_space = %s, but %s %s a space before a prompt: the latter holds."
                                .formatted(value, file, prefixed ? "puts" : "does not put"));
            }
        }
    }

    private static boolean prefixes(JsonNode part) {
        for (String list : List.of("pretokenizers", "normalizers")) {
            for (JsonNode inner : part.path(list)) {
                if (prefixes(inner)) {
                    return true;
                }
            }
        }
        return switch (part.path("type").asText()) {
            case "ByteLevel" -> part.path("add_prefix_space").asBoolean();
            case "Prepend" -> true;
            case "Metaspace" ->
                    part.has("prepend_scheme")
                            ? !part.path("prepend_scheme").asText().equals("never")
                            : part.path("add_prefix_space").asBoolean(true);
            default -> false;
        };
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
            set(token, flag, flags.path(flag).asBoolean(flag.equals("normalized") && !special));
        }
        set(token, "special", special);
    }

    private void set(ObjectNode token, String flag, boolean value) {
        if (token.path(flag).asBoolean() != value) {
            token.put(flag, value);
            changed = true;
        }
    }

    /** The id that the library gives an added token: that of the vocabulary, or else the next. */
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

    /**
     * The id of a token in a vocabulary: an object of ids by token, or a list of tokens with
     * scores.
     */
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

    /** The id of a token, added or of the vocabulary. */
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

    /** Texts of the special tokens by id. */
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

    /** The text for the library. */
    public String text() {
        return changed ? root.toString() : original;
    }

    /**
     * The changes by which a text may get other tokens than from the file; empty if there are none.
     */
    public String fingerprint() {
        if (!changed) {
            return "";
        }
        return Sha256.fingerprint(text());
    }

    /** Sentences for the user. */
    public List<String> notices() {
        return List.copyOf(notices);
    }

    Path file() {
        return file;
    }

    /** Null if the file is no tokenizer. */
    ObjectNode root() {
        return root;
    }
}
