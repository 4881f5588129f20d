package io.millrace.gpu.model.folder;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;

/**
 * The rule for one key of a model folder's file. A key that is null counts as absent.
 *
 * @param models architectures that the rule applies to; empty for all
 * @param harmless description of the values of a refused key that change nothing; mostly its
 *     default
 * @param allows whether a value is harmless, given the whole file
 * @param why the effect of the key, or the reason why it has none here
 */
public record FolderKey(
        String key,
        Rule rule,
        Set<String> models,
        String harmless,
        BiPredicate<JsonNode, ConfigFile> allows,
        String why) {

    /** Treatment of a key. */
    public enum Rule {
        /** Read and applied. A value that is not supported is refused by name. */
        HONOURED,
        /** Not supported: the folder is refused by the key's name unless the value is harmless. */
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
     * @param harmless booleans, numbers and strings; numbers are compared by value
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

    /** The same rule, for these architectures only. */
    FolderKey of(Set<String> architectures) {
        return new FolderKey(key, rule, new TreeSet<>(architectures), harmless, allows, why);
    }

    /** Whether the rule applies to a key; a leading star in {@code key} stands for any prefix. */
    boolean names(String name) {
        return key.startsWith("*") ? name.endsWith(key.substring(1)) : name.equals(key);
    }

    /** Whether the rule applies to an architecture. */
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
