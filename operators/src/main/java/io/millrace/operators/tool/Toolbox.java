package io.millrace.operators.tool;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.tool.TextPattern;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;

/** The tools of a request. Immutable and safe for any thread. */
public final class Toolbox {
    static final String FIELD = "tools";

    static final JsonMapper JSON =
            JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                    .build();

    private static final TypeReference<List<Map<String, Object>>> OBJECTS =
            new TypeReference<>() {};

    /** As OpenAI has it. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]{1,64}");

    private static final int MOST = 128;

    private final Map<String, Tool> byName = new LinkedHashMap<>();
    private final List<Map<String, Object>> values;

    private Toolbox(List<Map<String, Object>> values) {
        this.values = values;
    }

    /**
     * Reads tools.
     *
     * @param json an array of tools as OpenAI writes them
     * @throws IllegalArgumentException it is none; the message is one sentence with the place
     */
    public static Toolbox parse(String json) {
        JsonNode array;
        Toolbox box;
        try {
            array = JSON.readTree(json);
            if (!array.isArray() || array.isEmpty() || array.size() > MOST) {
                throw new IllegalArgumentException(
                        "%s is no array of 1 to %d tools: write such as [{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]."
                                .formatted(FIELD, MOST));
            }
            for (int i = 0; i < array.size(); i++) {
                checkShape(array.get(i), FIELD + "[" + i + "]");
            }
            box = new Toolbox(JSON.readerFor(OBJECTS).readValue(json));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "%s is no JSON array (%s): write such as [{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]."
                            .formatted(FIELD, e.getOriginalMessage()),
                    e);
        }
        Function<String, TextPattern> patterns = TextPattern.compiler();
        for (JsonNode each : array) {
            box.add((ObjectNode) each, patterns);
        }
        return box;
    }

    private static void checkShape(JsonNode tool, String place) {
        if (!tool.isObject()) {
            throw new IllegalArgumentException(place + " is no object: write a tool.");
        }
        if (!tool.path("type").asText().equals("function")) {
            throw new IllegalArgumentException(
                    "%s.type is %s: this release has tools of the type \"function\"."
                            .formatted(place, tool.path("type")));
        }
        JsonNode name = tool.path("function").path("name");
        if (!name.isTextual() || !NAME.matcher(name.textValue()).matches()) {
            throw new IllegalArgumentException(
                    "%s.function.name is %s: it must be 1 to 64 of letters, digits, _, - and ."
                            .formatted(place, name));
        }
    }

    private void add(ObjectNode definition, Function<String, TextPattern> patterns) {
        String name = definition.get("function").get("name").textValue();
        try {
            ArgumentCheck check = compile(Tool.parameters(definition), patterns);
            if (byName.put(name, new Tool(definition, check)) != null) {
                throw new IllegalArgumentException("it stands twice");
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "%s: the tool %s cannot be used, %s.".formatted(FIELD, name, e.getMessage()),
                    e);
        }
    }

    /** Whatever the library meets in a schema is a fault of the request alone. */
    private static ArgumentCheck compile(
            JsonNode parameters, Function<String, TextPattern> patterns) {
        try {
            return ArgumentCheck.compile(parameters, patterns);
        } catch (RuntimeException | StackOverflowError e) {
            throw new IllegalArgumentException(
                    e instanceof StackOverflowError
                            ? "its parameters are nested too deeply"
                            : e.getMessage(),
                    e);
        }
    }

    /** The tools for a chat template. */
    public List<Map<String, Object>> values() {
        return values;
    }

    /** The tool of that name; null for none. */
    Tool get(String name) {
        return byName.get(name);
    }

    /** All tools, in order. */
    Collection<Tool> all() {
        return byName.values();
    }

    /** Their names, for messages. */
    String names() {
        return String.join(", ", new ArrayList<>(byName.keySet()));
    }
}
