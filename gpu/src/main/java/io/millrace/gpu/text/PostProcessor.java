package io.millrace.gpu.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The part of a tokenizer.json that adds special tokens to a prompt. */
final class PostProcessor {
    private static final String KEY = "post_processor";
    private static final String TEMPLATE = "TemplateProcessing";
    private static final String TOKEN = "SpecialToken";

    private final ObjectNode root;

    /**
     * @param root the whole of tokenizer.json, which is changed in place
     */
    PostProcessor(ObjectNode root) {
        this.root = root;
    }

    /** Whether a prompt begins with this token. */
    boolean begins(String token) {
        return parts().stream()
                .anyMatch(part -> token.equals(edge(part, 0)) || token.equals(pair(part, "cls")));
    }

    /** Whether a prompt ends with this token. */
    boolean ends(String token) {
        return parts().stream()
                .anyMatch(
                        part ->
                                token.equals(edge(part, part.path("single").size() - 1))
                                        || token.equals(pair(part, "sep")));
    }

    /** The post-processors in order. */
    private List<JsonNode> parts() {
        List<JsonNode> parts = new ArrayList<>();
        JsonNode whole = root.path(KEY);
        if (whole.path("type").asText().equals("Sequence")) {
            whole.path("processors").forEach(parts::add);
        } else {
            parts.add(whole);
        }
        return parts;
    }

    private static String edge(JsonNode part, int index) {
        boolean isTemplate = part.path("type").asText().equals(TEMPLATE);
        return isTemplate
                ? part.path("single").path(index).path(TOKEN).path("id").textValue()
                : null;
    }

    /** A token of BERT's or RoBERTa's post-processor: its text, from a pair of text and id. */
    private static String pair(JsonNode part, String key) {
        return part.path(key).path(0).textValue();
    }

    /** Adds a token before each prompt. */
    void addFirst(String token, int id) {
        ObjectNode template = template();
        for (String form : List.of("single", "pair")) {
            ArrayNode pieces = (ArrayNode) template.get(form);
            pieces.insertObject(0).putObject(TOKEN).put("id", token).put("type_id", 0);
        }
        ObjectNode entry = template.withObject("/special_tokens").putObject(token);
        entry.put("id", token);
        entry.putArray("ids").add(id);
        entry.putArray("tokens").add(token);
    }

    /**
     * The existing template, or else a new one after the other post-processors that adds nothing
     * yet.
     */
    private ObjectNode template() {
        for (JsonNode part : parts()) {
            if (part.path("type").asText().equals(TEMPLATE)) {
                return (ObjectNode) part;
            }
        }
        ObjectNode template = JsonNodeFactory.instance.objectNode().put("type", TEMPLATE);
        sequence(template.putArray("single"), "A", 0);
        sequence(sequence(template.putArray("pair"), "A", 0), "B", 1);
        template.putObject("special_tokens");
        if (!root.hasNonNull(KEY)) {
            root.set(KEY, template);
        } else if (root.get(KEY).path("type").asText().equals("Sequence")) {
            ((ArrayNode) root.get(KEY).get("processors")).add(template);
        } else {
            JsonNode before = root.get(KEY);
            root.putObject(KEY)
                    .put("type", "Sequence")
                    .putArray("processors")
                    .add(before)
                    .add(template);
        }
        return template;
    }

    private static ArrayNode sequence(ArrayNode pieces, String id, int type) {
        pieces.addObject().putObject("Sequence").put("id", id).put("type_id", type);
        return pieces;
    }

    /**
     * Removes a token that templates add before each prompt.
     *
     * @return whether none is left; the post-processors of BERT and RoBERTa require theirs
     */
    boolean removeFirst(String token) {
        for (JsonNode part : parts()) {
            while (token.equals(edge(part, 0))) {
                for (String form : List.of("single", "pair")) {
                    remove(part.path(form), token);
                }
            }
        }
        return !begins(token);
    }

    private static void remove(JsonNode pieces, String token) {
        Iterator<JsonNode> each = pieces.iterator();
        while (each.hasNext()) {
            if (token.equals(each.next().path(TOKEN).path("id").textValue())) {
                each.remove();
            }
        }
    }
}
