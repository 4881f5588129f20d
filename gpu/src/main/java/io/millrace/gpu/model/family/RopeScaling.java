package io.millrace.gpu.model.family;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.List;

/**
 * The frequencies of rotary position embedding: base and stretching for long contexts.
 *
 * @param theta base of the geometric series
 * @param type {@code default}, {@code linear}, {@code llama3}, or {@code none}: no turning
 * @param factor stretching of slow frequencies
 * @param lowFreqFactor llama3: wavelengths above original / this are stretched
 * @param highFreqFactor llama3: wavelengths below original / this are left alone
 * @param originalPositions llama3: context before stretching
 */
public record RopeScaling(
        double theta,
        String type,
        double factor,
        double lowFreqFactor,
        double highFreqFactor,
        int originalPositions) {

    /** Turns by nothing, which is exact: the positions are embedded otherwise. */
    static final RopeScaling NONE = new RopeScaling(1, "none", 1, 0, 0, 0);

    /** Reads {@code rope_theta} with {@code rope_scaling}, or the newer {@code rope_parameters}. */
    static RopeScaling read(ConfigFile config) throws InvalidModelException {
        ConfigFile scaling =
                config.child(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
        double theta = scaling.number("rope_theta", config.number("rope_theta", 10000));
        if (theta <= 0) {
            throw config.wrong("rope_theta", theta, "a positive number");
        }
        if (config.number("partial_rotary_factor", 1) != 1
                || scaling.number("partial_rotary_factor", 1) != 1) {
            throw config.unsupported("partial_rotary_factor", "less than 1", "1");
        }
        for (String kind : List.of("full_attention", "sliding_attention")) {
            if (scaling.has(kind)) {
                throw scaling.unsupported(kind, scaling.get(kind), "one rope for all layers");
            }
        }
        String key = scaling.has("rope_type") ? "rope_type" : "type";
        String type = scaling.text(key, "default");
        return switch (type) {
            case "default" -> new RopeScaling(theta, type, 1, 0, 0, 0);
            case "linear" -> new RopeScaling(theta, type, factor(scaling), 0, 0, 0);
            case "llama3" ->
                    new RopeScaling(
                            theta,
                            type,
                            factor(scaling),
                            scaling.number("low_freq_factor"),
                            scaling.number("high_freq_factor"),
                            scaling.positiveInt("original_max_position_embeddings"));
            default -> throw scaling.unsupported(key, type, "default, linear and llama3");
        };
    }

    private static double factor(ConfigFile scaling) throws InvalidModelException {
        double factor = scaling.number("factor");
        if (factor <= 0) {
            throw scaling.wrong("factor", factor, "a positive number");
        }
        return factor;
    }

    /** Radians by which pair {@code pair} of a head turns from one position to the next. */
    public double frequency(int pair, int headSize) {
        double frequency = 1 / StrictMath.pow(theta, 2.0 * pair / headSize);
        return switch (type) {
            case "none" -> 0;
            case "linear" -> frequency / factor;
            case "llama3" -> llama3(frequency);
            default -> frequency;
        };
    }

    private double llama3(double frequency) {
        double turns = originalPositions * frequency / (2 * Math.PI);
        if (turns < lowFreqFactor) {
            return frequency / factor;
        }
        if (turns > highFreqFactor) {
            return frequency;
        }
        double smooth = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return (1 - smooth) * frequency / factor + smooth * frequency;
    }
}
