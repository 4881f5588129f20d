package io.millrace.gpu.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.SamplingParameters.Field;
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
        sampling.repetitionPenalty(number(generation, Field.REPETITION_PENALTY, 1));
        if (generation.flag("do_sample", false)) {
            double topK = number(generation, Field.TOP_K, 0);
            if (topK != (int) topK) {
                throw generation.wrong("top_k", topK, "a whole number");
            }
            sampling.temperature(number(generation, Field.TEMPERATURE, 1))
                    .topP(number(generation, Field.TOP_P, 1))
                    .minP(number(generation, Field.MIN_P, 0))
                    .topK((int) topK);
        }
        return sampling.build();
    }

    /** A number in the range that it has in a request. */
    private static double number(ConfigFile generation, Field field, double absent)
            throws InvalidModelException {
        double value = generation.number(field.requestName(), absent);
        String fault = field.fault(field.requestName(), value, Integer.MAX_VALUE);
        if (fault != null) {
            throw new InvalidModelException(generation + ": " + fault);
        }
        return value;
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
