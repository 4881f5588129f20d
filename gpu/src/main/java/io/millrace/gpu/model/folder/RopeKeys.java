package io.millrace.gpu.model.folder;

import static io.millrace.gpu.model.folder.FolderKey.honoured;
import static io.millrace.gpu.model.folder.FolderKey.refused;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.List;

/**
 * The object of config.json that describes the rotary frequencies: {@code rope_scaling}, or the
 * newer {@code rope_parameters}.
 */
public final class RopeKeys {
    private static final String OLDER = "rope_scaling";
    private static final String NEWER = "rope_parameters";

    private RopeKeys() {}

    static List<FolderKey> all() {
        return List.of(
                honoured(
                        "rope_type", "default, linear or llama3; other types are refused; default"),
                honoured("type", "older name of `rope_type`; refused if the two disagree"),
                honoured(
                        "rope_theta",
                        "base of the frequencies; that of config.json, or of the object that loses"),
                honoured("factor", "linear, llama3: how far frequencies are stretched"),
                honoured("low_freq_factor", "llama3: longer wavelengths are stretched"),
                honoured("high_freq_factor", "llama3: shorter wavelengths are left alone"),
                honoured(
                        "original_max_position_embeddings",
                        "context before stretching; `max_position_embeddings`"),
                refused("partial_rotary_factor", "heads are rotated whole", 1.0),
                refused("attention_factor", "no type here scales scores", 1.0),
                refused("beta_fast", "of yarn"),
                refused("beta_slow", "of yarn"),
                refused("mscale", "of yarn"),
                refused("mscale_all_dim", "of yarn"),
                refused("truncate", "of yarn"),
                refused("long_factor", "of longrope"),
                refused("short_factor", "of longrope"),
                refused("mrope_section", "of models that see"),
                refused("full_attention", "one rope for all layers"),
                refused("sliding_attention", "one rope for all layers"));
    }

    /** The object that takes precedence, as in transformers: the older one, unless it is empty. */
    public static ConfigFile winner(ConfigFile config) throws InvalidModelException {
        return config.child(isSaid(config, OLDER) ? OLDER : NEWER);
    }

    /** The object that is overridden; empty unless both exist. */
    public static ConfigFile loser(ConfigFile config) throws InvalidModelException {
        return config.child(isSaid(config, OLDER) ? NEWER : OLDER);
    }

    private static boolean isSaid(ConfigFile config, String key) {
        JsonNode value = config.get(key);
        return value != null && !(value.isObject() && value.isEmpty());
    }

    /** Sentences to be logged once at load. */
    static List<String> remarks(ConfigFile config) {
        return isSaid(config, OLDER)
                        && isSaid(config, NEWER)
                        && !config.get(OLDER).equals(config.get(NEWER))
                ? List.of(
                        "%s has %s and %s, which differ: %s wins."
                                .formatted(config, OLDER, NEWER, OLDER))
                : List.of();
    }
}
