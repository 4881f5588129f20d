package io.millrace.gpu.model.family;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.model.folder.RopeKeys;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.List;

/**
 * The frequencies of rotary position embedding: base and scaling for long contexts.
 *
 * @param theta base of the geometric series
 * @param type {@code default}, {@code linear}, {@code llama3}, or {@code none}: no rotation
 * @param factor scaling factor of low frequencies
 * @param lowFreqFactor llama3: wavelengths above {@code originalPositions} / this are scaled
 * @param highFreqFactor llama3: wavelengths below {@code originalPositions} / this are not scaled
 * @param originalPositions linear, llama3: context before scaling
 */
public record RopeScaling(
        double theta,
        String type,
        double factor,
        double lowFreqFactor,
        double highFreqFactor,
        int originalPositions) {

    /** No rotation, which is exact: positions have a learned embedding. */
    static final RopeScaling NONE = new RopeScaling(1, "none", 1, 0, 0, 0);

    /**
     * Reads {@code rope_scaling}, or the newer {@code rope_parameters}, and their keys that older
     * files have at the top level. If both exist, the first takes precedence; a base that only the
     * second names still applies.
     */
    static RopeScaling read(ConfigFile config) throws InvalidModelException {
        ConfigFile scaling = RopeKeys.winner(config);
        double absent = RopeKeys.loser(config).number("rope_theta", 10000);
        double theta = scaling.number("rope_theta", config.number("rope_theta", absent));
        if (theta <= 0) {
            throw config.wrong("rope_theta", theta, "a positive number");
        }
        String type = type(scaling);
        return switch (type) {
            case "default" -> {
                refuseUnused(scaling, type, "factor", "low_freq_factor", "high_freq_factor");
                yield new RopeScaling(theta, type, 1, 0, 0, 0);
            }
            case "linear" -> {
                refuseUnused(scaling, type, "low_freq_factor", "high_freq_factor");
                yield new RopeScaling(theta, type, factor(scaling), 0, 0, original(config));
            }
            default ->
                    new RopeScaling(
                            theta,
                            type,
                            factor(scaling),
                            scaling.number("low_freq_factor"),
                            scaling.number("high_freq_factor"),
                            original(config));
        };
    }

    private static String type(ConfigFile scaling) throws InvalidModelException {
        String older = scaling.text("type", "default");
        String type = scaling.text("rope_type", older);
        if (scaling.has("type") && !older.equals(type)) {
            throw scaling.wrong("type", older, type + ", its rope_type,");
        }
        if (!List.of("default", "linear", "llama3").contains(type)) {
            String key = scaling.has("rope_type") ? "rope_type" : "type";
            throw scaling.unsupported(key, type, "default, linear and llama3");
        }
        return type;
    }

    /** Refuses keys that a type does not use: mostly, the type was left out. */
    private static void refuseUnused(ConfigFile scaling, String type, String... keys)
            throws InvalidModelException {
        for (String key : keys) {
            if (scaling.number(key, 1) != 1) {
                throw scaling.wrong(
                        key, scaling.get(key), "a rope_type that uses it, not " + type + ",");
            }
        }
    }

    private static int original(ConfigFile config) throws InvalidModelException {
        String key = "original_max_position_embeddings";
        int whole = config.positiveInt("max_position_embeddings");
        return config.positiveInt(key, RopeKeys.winner(config).positiveInt(key, whole));
    }

    /**
     * The longest context, in positions.
     *
     * @param positions maximum by config.json: after scaling for llama3; for linear either after
     *     or, in most files, before scaling
     */
    int context(int positions) {
        return type.equals("linear")
                ? Math.max(positions, (int) (originalPositions * factor))
                : positions;
    }

    private static double factor(ConfigFile scaling) throws InvalidModelException {
        double factor = scaling.number("factor");
        if (factor <= 0) {
            throw scaling.wrong("factor", factor, "a positive number");
        }
        return factor;
    }

    /** Angle in radians by which a pair of a head rotates per position. */
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
