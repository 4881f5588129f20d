package io.millrace.gpu.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads the sampling defaults of generation_config.json and config.json. */
final class GenerationDefaults {
    private GenerationDefaults() {}

    /**
     * Defaults of sampling parameters that a request does not set.
     *
     * @param generation may be null
     * @param endOfText ids that end a completion
     * @param vocabulary number of the model's tokens
     */
    static SamplingParameters sampling(
            ConfigFile generation, List<Integer> endOfText, int vocabulary)
            throws InvalidModelException {
        SamplingParameters.Builder sampling = SamplingParameters.builder();
        if (generation == null) {
            return sampling.temperature(1).build();
        }
        sampling.maxTokens(generation.positiveInt("max_new_tokens", 256));
        sampling.repetitionPenalty(number(generation, Field.REPETITION_PENALTY, 1));
        if (generation.flag("do_sample", false)) {
            sampling.temperature(number(generation, Field.TEMPERATURE, 1))
                    .topP(number(generation, Field.TOP_P, 1))
                    .minP(number(generation, Field.MIN_P, 0))
                    .topK(whole(generation, "top_k", Field.TOP_K));
        }
        sampling.minTokens(whole(generation, "min_new_tokens", Field.MIN_TOKENS));
        sampling.suppressTokens(suppressed(generation, endOfText, vocabulary));
        sampling.logitBias(biases(generation, vocabulary));
        return sampling.build();
    }

    /** A number, in the same range as in a request. */
    private static double number(ConfigFile generation, Field field, double absent)
            throws InvalidModelException {
        double value = generation.number(field.requestName(), absent);
        check(generation, field.requestName(), field, value, Integer.MAX_VALUE);
        return value;
    }

    /** A whole number, in the same range as in a request; 0 if absent. */
    private static int whole(ConfigFile generation, String key, Field field)
            throws InvalidModelException {
        double value = generation.number(key, 0);
        check(generation, key, field, value, Integer.MAX_VALUE);
        if (value != (int) value) {
            throw generation.wrong(key, value, "a whole number");
        }
        return (int) value;
    }

    private static void check(
            ConfigFile generation, String key, Field field, Object value, int vocabulary)
            throws InvalidModelException {
        String fault = field.fault(key, value, vocabulary);
        if (fault != null) {
            throw new InvalidModelException(generation + ": " + fault);
        }
    }

    /** Tokens that are never sampled: suppress_tokens and bad words. */
    private static List<Integer> suppressed(
            ConfigFile generation, List<Integer> endOfText, int vocabulary)
            throws InvalidModelException {
        Set<Integer> found = new LinkedHashSet<>();
        for (JsonNode id : list(generation, "suppress_tokens")) {
            found.add(token(generation, "suppress_tokens", id, vocabulary));
        }
        for (JsonNode word : list(generation, "bad_words_ids")) {
            int id = onlyToken(generation, "bad_words_ids", word, vocabulary);
            // As in transformers: a token that ends completions is no bad word.
            if (!endOfText.contains(id)) {
                found.add(id);
            }
        }
        List<Integer> all = List.copyOf(found);
        check(generation, "suppress_tokens", Field.SUPPRESS_TOKENS, all, vocabulary);
        return all;
    }

    /** Biases by token; of several for one token, the last. */
    private static Map<String, Double> biases(ConfigFile generation, int vocabulary)
            throws InvalidModelException {
        Map<String, Double> found = new HashMap<>();
        for (JsonNode pair : list(generation, "sequence_bias")) {
            if (pair.size() != 2 || !pair.isArray() || !pair.get(1).isNumber()) {
                throw generation.wrong("sequence_bias", pair, "a list of tokens and a number");
            }
            int id = onlyToken(generation, "sequence_bias", pair.get(0), vocabulary);
            found.put(Integer.toString(id), pair.get(1).doubleValue());
        }
        check(generation, "sequence_bias", Field.LOGIT_BIAS, found, vocabulary);
        return found;
    }

    /** The items of a list that may be absent. */
    private static Iterable<JsonNode> list(ConfigFile generation, String key)
            throws InvalidModelException {
        JsonNode value = generation.get(key);
        if (value == null || value.isObject() && value.isEmpty()) {
            return List.of();
        }
        if (!value.isArray()) {
            throw generation.wrong(key, value, "a list");
        }
        return value;
    }

    /** The token of a sequence of length 1. */
    private static int onlyToken(
            ConfigFile generation, String key, JsonNode sequence, int vocabulary)
            throws InvalidModelException {
        if (!sequence.isArray() || sequence.size() != 1) {
            throw generation.unsupported(key, generation.get(key), "entries of one token each");
        }
        return token(generation, key, sequence.get(0), vocabulary);
    }

    private static int token(ConfigFile generation, String key, JsonNode id, int vocabulary)
            throws InvalidModelException {
        if (!id.isIntegralNumber() || id.longValue() < 0 || id.longValue() >= vocabulary) {
            throw generation.wrong(key, id, "a token id below " + vocabulary);
        }
        return id.intValue();
    }

    /** Strings that end a completion; {@code generation} may be null. */
    static List<String> stopStrings(ConfigFile generation) throws InvalidModelException {
        JsonNode strings = generation == null ? null : generation.get("stop_strings");
        if (strings == null) {
            return List.of();
        }
        Set<String> found = new LinkedHashSet<>();
        for (JsonNode string : strings.isArray() ? strings : List.of(strings)) {
            if (!string.isTextual() || string.textValue().isEmpty()) {
                throw generation.wrong("stop_strings", strings, "a text or a list of texts");
            }
            found.add(string.textValue());
        }
        return List.copyOf(found);
    }

    /** Ids that end a completion: generation_config.json's, or else config.json's. */
    static List<Integer> endOfTextIds(ConfigFile generation, ConfigFile config, int vocabulary)
            throws InvalidModelException {
        ConfigFile from =
                generation != null && generation.has("eos_token_id") ? generation : config;
        JsonNode ids = from.get("eos_token_id");
        if (ids == null) {
            return List.of();
        }
        Set<Integer> found = new LinkedHashSet<>();
        for (JsonNode id : ids.isArray() ? ids : List.of(ids)) {
            if (!id.isIntegralNumber() || id.longValue() < 0 || id.longValue() >= vocabulary) {
                throw from.wrong(
                        "eos_token_id",
                        ids,
                        "a token id below " + vocabulary + " or a list of them");
            }
            found.add(id.intValue());
        }
        return List.copyOf(found);
    }
}
