package io.millrace.gpu.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The tokens that a model folder configures outside of tokenizer.json. Precedence is that of
 * transformers 5.17: special_tokens_map.json overrides tokenizer_config.json, and neither it nor
 * added_tokens.json is read if tokenizer_config.json has added_tokens_decoder. A token that no file
 * names is the default of the tokenizer's class; null means no token.
 */
public final class TokenizerConfig {
    private static final String CONFIG = "tokenizer_config.json";
    private static final String TOKENS = "special_tokens_map.json";
    private static final String ADDED = "added_tokens.json";
    private static final String MODEL = "config.json";
    private static final String DECODER = "added_tokens_decoder";
    private static final List<String> EXTRA =
            List.of("extra_special_tokens", "additional_special_tokens");
    private static final List<String> NAMES =
            List.of(
                    "bos_token",
                    "eos_token",
                    "unk_token",
                    "sep_token",
                    "pad_token",
                    "cls_token",
                    "mask_token");

    private final JsonNode config;
    private final TokenizerClass tokenizerClass;

    /** By name: a string, or an object whose content is one. */
    private final Map<String, JsonNode> named = new LinkedHashMap<>();

    private final Set<String> byDefault = new HashSet<>();
    private final Map<Integer, JsonNode> added = new TreeMap<>();
    private final List<JsonNode> extra = new ArrayList<>();

    private TokenizerConfig(JsonNode config, TokenizerClass tokenizerClass) {
        this.config = config;
        this.tokenizerClass = tokenizerClass;
    }

    /**
     * Reads the files, all of which are optional.
     *
     * @throws IOException a file cannot be read or parsed; the message is one sentence
     */
    public static TokenizerConfig read(Path folder) throws IOException {
        JsonNode config = object(folder.resolve(CONFIG));
        JsonNode model = object(folder.resolve(MODEL));
        TokenizerConfig read = new TokenizerConfig(config, TokenizerClass.of(config, model));
        read.tokenizerClass
                .defaults()
                .forEach(
                        (name, token) -> {
                            read.named.put(name, JsonNodeFactory.instance.textNode(token));
                            read.byDefault.add(name);
                        });
        read.addNamed(config);
        JsonNode decoder = config.path(DECODER);
        JsonNode extra = MissingNode.getInstance();
        if (!config.has(DECODER)) {
            JsonNode map = object(folder.resolve(TOKENS));
            read.addNamed(map);
            extra = extra(map);
        }
        extra = extra.isMissingNode() ? extra(config) : extra;
        if (extra.isObject()) {
            extra.properties().forEach(e -> read.put(e.getKey(), e.getValue()));
        } else {
            extra.forEach(read.extra::add);
        }
        config.path("model_specific_special_tokens")
                .properties()
                .forEach(e -> read.put(e.getKey(), e.getValue()));
        if (config.has(DECODER)) {
            for (Map.Entry<String, JsonNode> entry : decoder.properties()) {
                read.added.put(index(folder.resolve(CONFIG), entry.getKey()), entry.getValue());
            }
        } else {
            read.addPlain(object(folder.resolve(ADDED)));
        }
        return read;
    }

    private static JsonNode object(Path file) throws IOException {
        Optional<JsonNode> node = JsonFile.read(file);
        if (node.isPresent() && !node.get().isObject()) {
            throw new IOException(file + " is not a JSON object");
        }
        return node.orElse(JsonNodeFactory.instance.objectNode());
    }

    private static int index(Path file, String key) throws IOException {
        try {
            return Integer.parseInt(key);
        } catch (NumberFormatException e) {
            throw new IOException(
                    "%s has %s with the key %s, where a token id is expected"
                            .formatted(file, DECODER, key),
                    e);
        }
    }

    private static JsonNode extra(JsonNode file) {
        for (String key : EXTRA) {
            if (file.hasNonNull(key)) {
                return file.get(key);
            }
        }
        return MissingNode.getInstance();
    }

    private void addNamed(JsonNode file) {
        for (String name : NAMES) {
            if (file.has(name)) {
                put(name, file.get(name));
            }
        }
        for (Map.Entry<String, JsonNode> entry : file.properties()) {
            // Tokens that a model defines, such as image_token; add_bos_token and similar keys are
            // none.
            String name = entry.getKey();
            if (!NAMES.contains(name) && name.endsWith("_token") && !entry.getValue().isBoolean()) {
                put(name, entry.getValue());
            }
        }
    }

    private void put(String name, JsonNode token) {
        byDefault.remove(name);
        if (content(token) == null) {
            named.remove(name);
        } else {
            named.put(name, token);
        }
    }

    /** Reads added_tokens.json: ids by content. A named token is special. */
    private void addPlain(JsonNode ids) {
        Set<String> special = new HashSet<>(specialTokens().values());
        extra.forEach(token -> special.add(content(token)));
        for (Map.Entry<String, JsonNode> entry : ids.properties()) {
            boolean isSpecial = special.contains(entry.getKey());
            ObjectNode token = JsonNodeFactory.instance.objectNode();
            token.put("content", entry.getKey());
            token.put("special", isSpecial).put("normalized", !isSpecial);
            added.put(entry.getValue().asInt(), token);
        }
    }

    /** The text of a token that is a string, or an object whose content is one; else null. */
    static String content(JsonNode token) {
        JsonNode text = token.isObject() ? token.path("content") : token;
        return text.isTextual() && !text.textValue().isEmpty() ? text.textValue() : null;
    }

    /** The special tokens by name: bos_token, eos_token and so on. */
    public Map<String, String> specialTokens() {
        Map<String, String> tokens = new LinkedHashMap<>();
        named.forEach((name, token) -> tokens.put(name, content(token)));
        return tokens;
    }

    /** The value of a key of tokenizer_config.json, a missing node if it has none. */
    JsonNode get(String key) {
        return config.path(key);
    }

    TokenizerClass tokenizerClass() {
        return tokenizerClass;
    }

    /** Whether a file other than tokenizer.json adds this token. */
    boolean isAdded(String content) {
        return added.values().stream().anyMatch(token -> content.equals(content(token)));
    }

    /** Tokens to add to the tokenizer, by the id that a file gives them. */
    Map<Integer, JsonNode> added() {
        return added;
    }

    /** Tokens with a name, in the order in which new ones get their ids. */
    List<JsonNode> named() {
        List<JsonNode> tokens = new ArrayList<>();
        NAMES.stream().filter(named::containsKey).map(named::get).forEach(tokens::add);
        named.forEach(
                (name, token) -> tokens.addAll(NAMES.contains(name) ? List.of() : List.of(token)));
        return tokens;
    }

    /** Special tokens without a name. */
    List<JsonNode> extra() {
        return extra;
    }

    /** Whether tokenizer_config.json lists the added tokens. */
    boolean hasDecoder() {
        return config.has(DECODER);
    }

    /** Whether this token is a default of the tokenizer's class, which no file names. */
    boolean isDefault(JsonNode token) {
        return byDefault.stream().anyMatch(name -> named.get(name) == token);
    }
}
