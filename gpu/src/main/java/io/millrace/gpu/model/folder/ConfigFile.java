package io.millrace.gpu.model.folder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** One JSON file of a model folder, read by key; errors name the file and the key. */
public final class ConfigFile {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String where;
    private final JsonNode node;

    private ConfigFile(String where, JsonNode node) {
        this.where = where;
        this.node = node;
    }

    public static ConfigFile read(Path file) throws IOException {
        JsonNode node;
        try {
            node = JSON.readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            throw new InvalidModelException(
                    "%s is not JSON: %s.".formatted(file, e.getOriginalMessage()), e);
        }
        if (node == null || !node.isObject()) {
            throw new InvalidModelException(file + " is not a JSON object.");
        }
        return new ConfigFile(file.toString(), node);
    }

    /** All keys with their values, nulls too. */
    public Set<Map.Entry<String, JsonNode>> properties() {
        return node.properties();
    }

    /** The value, null if it is absent or null. */
    public JsonNode get(String key) {
        JsonNode value = node.get(key);
        return value == null || value.isNull() ? null : value;
    }

    /** Whether the key exists and is null. */
    public boolean isNull(String key) {
        return node.has(key) && node.get(key).isNull();
    }

    public boolean has(String key) {
        return get(key) != null;
    }

    /** The object under a key, empty if absent. */
    public ConfigFile child(String key) throws InvalidModelException {
        JsonNode value = get(key);
        if (value == null) {
            return new ConfigFile(where + ", " + key, JSON.createObjectNode());
        }
        if (!value.isObject()) {
            throw wrong(key, value, "an object");
        }
        return new ConfigFile(where + ", " + key, value);
    }

    public int positiveInt(String key) throws InvalidModelException {
        JsonNode value = get(key);
        if (value == null) {
            throw new InvalidModelException("%s has no %s.".formatted(where, key));
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw wrong(key, value, "a positive whole number");
        }
        return value.intValue();
    }

    public int positiveInt(String key, int absent) throws InvalidModelException {
        return has(key) ? positiveInt(key) : absent;
    }

    public double number(String key, double absent) throws InvalidModelException {
        return has(key) ? number(key) : absent;
    }

    public double number(String key) throws InvalidModelException {
        JsonNode value = get(key);
        if (value == null) {
            throw new InvalidModelException("%s has no %s.".formatted(where, key));
        }
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw wrong(key, value, "a number");
        }
        return value.doubleValue();
    }

    public boolean flag(String key, boolean absent) throws InvalidModelException {
        JsonNode value = get(key);
        if (value == null) {
            return absent;
        }
        if (!value.isBoolean()) {
            throw wrong(key, value, "true or false");
        }
        return value.booleanValue();
    }

    public String text(String key, String absent) throws InvalidModelException {
        JsonNode value = get(key);
        if (value == null) {
            return absent;
        }
        if (!value.isTextual()) {
            throw wrong(key, value, "text");
        }
        return value.textValue();
    }

    /** The error for a value that is not supported. */
    public InvalidModelException unsupported(String key, Object value, String supported) {
        return new InvalidModelException(
                "%s has %s = %s, which is not supported; supported: %s."
                        .formatted(where, key, value, supported));
    }

    public InvalidModelException wrong(String key, Object value, String expected) {
        return new InvalidModelException(
                "%s has %s = %s where %s is expected.".formatted(where, key, value, expected));
    }

    /** Display name, for messages. */
    @Override
    public String toString() {
        return where;
    }
}
