package io.millrace.gpu.model.folder;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;

/**
 * What becomes of one key of a model folder's file. A key that is null is as one that is absent.
 *
 * @param models architectures whose folders it is said of; empty for all
 * @param harmless values of a refused key that change nothing, in words; the key's default mostly
 * @param allows tells these values, given the whole file
 * @param why what the key does, or why it does nothing here
 */
public record FolderKey(
        String key,
        Rule rule,
        Set<String> models,
        String harmless,
        BiPredicate<JsonNode, ConfigFile> allows,
        String why) {

    /** The three lists. */
    public enum Rule {
        /** Read, and done. A value that cannot be done is refused by name. */
        HONOURED,
        /** Not done: the folder is refused by the key's name unless the value is harmless. */
        REFUSED,
        /** Changes no answer here. */
        NO_EFFECT
    }

    static FolderKey honoured(String key, String what) {
        return new FolderKey(key, Rule.HONOURED, Set.of(), "", (value, file) -> true, what);
    }

    static FolderKey noEffect(String key, String why) {
        return new FolderKey(key, Rule.NO_EFFECT, Set.of(), "", (value, file) -> true, why);
    }

    /**
     * @param harmless booleans, numbers and texts; two numbers are equal if their values are
     */
    static FolderKey refused(String key, String why, Object... harmless) {
        List<Object> values = Arrays.asList(harmless);
        String words = values.stream().map(String::valueOf).collect(Collectors.joining(", "));
        return refusedUnless(key, why, words, (value, file) -> values.contains(plain(value)));
    }

    static FolderKey refusedUnless(
            String key, String why, String harmless, BiPredicate<JsonNode, ConfigFile> allows) {
        return new FolderKey(key, Rule.REFUSED, Set.of(), harmless, allows, why);
    }

    /** The same, of these architectures alone. */
    FolderKey of(Set<String> architectures) {
        return new FolderKey(key, rule, new TreeSet<>(architectures), harmless, allows, why);
    }

    /** Whether it is said of that key; a row may begin with a star, for any beginning. */
    boolean names(String name) {
        return key.startsWith("*") ? name.endsWith(key.substring(1)) : name.equals(key);
    }

    /** Whether it is said of a folder of that architecture. */
    boolean isOf(String architecture) {
        return models.isEmpty() || models.contains(architecture);
    }

    private static Object plain(JsonNode value) {
        if (value.isBoolean()) {
            return value.booleanValue();
        }
        if (value.isNumber()) {
            return value.doubleValue();
        }
        return value.isTextual() ? value.textValue() : value;
    }
}
