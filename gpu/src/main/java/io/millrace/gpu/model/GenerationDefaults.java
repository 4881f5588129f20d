package io.millrace.gpu.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Reads what generation_config.json and config.json say about decoding. */
final class GenerationDefaults {
    private GenerationDefaults() {}

    /** Parameters where a request names none; {@code generation} may be null. */
    static SamplingParameters sampling(ConfigFile generation) throws InvalidModelException {
        SamplingParameters.Builder sampling = SamplingParameters.builder();
        if (generation == null) {
            return sampling.temperature(1).build();
        }
        sampling.maxTokens(generation.positiveInt("max_new_tokens", 256));
        double penalty = generation.number("repetition_penalty", 1);
        require(generation, "repetition_penalty", penalty, penalty > 0, "a number above 0");
        sampling.repetitionPenalty(penalty);
        if (generation.flag("do_sample", false)) {
            double temperature = generation.number("temperature", 1);
            require(generation, "temperature", temperature, temperature >= 0, "0 or more");
            double topP = generation.number("top_p", 1);
            require(generation, "top_p", topP, topP > 0 && topP <= 1, "a number in (0, 1]");
            double minP = generation.number("min_p", 0);
            require(generation, "min_p", minP, minP >= 0 && minP <= 1, "a number in [0, 1]");
            double topK = generation.number("top_k", 0);
            boolean whole = topK >= 0 && topK == (int) topK;
            require(generation, "top_k", topK, whole, "a whole number, 0 or more");
            sampling.temperature(temperature).topP(topP).minP(minP).topK((int) topK);
        }
        return sampling.build();
    }

    private static void require(
            ConfigFile generation, String key, double value, boolean holds, String expected)
            throws InvalidModelException {
        if (!holds) {
            throw generation.wrong(key, value, expected);
        }
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
