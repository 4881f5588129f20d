package io.millrace.gpu.api;

import java.util.ArrayList;
import java.util.List;

/**
 * The parts of a model's fingerprint, to name the difference between two.
 *
 * @param model hash of config, tokenizer and weights
 * @param tokenizer hash of tokenizer and chat template
 * @param kernels hash of device, kernels, sampling rule and the model's context
 */
public record FingerprintParts(String model, String tokenizer, String kernels) {

    /** Names of the parts that differ; empty if none does. */
    public List<String> differences(FingerprintParts other) {
        List<String> names = new ArrayList<>();
        if (!model.equals(other.model)) {
            names.add("model");
        }
        if (!tokenizer.equals(other.tokenizer)) {
            names.add("tokenizer");
        }
        if (!kernels.equals(other.kernels)) {
            names.add("kernels");
        }
        return names;
    }
}
