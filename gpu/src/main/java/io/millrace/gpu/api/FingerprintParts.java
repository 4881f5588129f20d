package io.millrace.gpu.api;

import java.util.ArrayList;
import java.util.List;

/**
 * What a model's fingerprint is made of, so that two of them can be told apart in words.
 *
 * @param model hash of config, tokenizer and weights
 * @param tokenizer hash of what turns text into tokens and back, the chat template included
 * @param kernels hash of how it is computed: device, kernels, sampling rule, the model's context
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
