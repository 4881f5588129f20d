package io.millrace.gpu.api;

import io.millrace.gpu.api.EngineOptions.Reasoning;
import io.millrace.gpu.api.EngineOptions.ToolFormat;

/**
 * Properties of a loaded model.
 *
 * @param name its name in requests and results
 * @param fingerprint hash of weights, config, tokenizer and kernels: equal fingerprints give equal
 *     answers
 * @param parts the parts of the fingerprint
 * @param earlier fingerprints of earlier releases with the same answers
 * @param vocabularySize number of logits
 * @param context the model's maximum context, prompt and completion together, at which answers end
 * @param maxModelLen maximum tokens of a request by options and KV cache; a request that may become
 *     longer is refused
 * @param defaultSampling defaults of sampling parameters (generation_config.json)
 * @param toolFormat how its answers call tools; NONE if that is not known
 * @param reasoning whether its answers begin with a part of reasoning
 * @param device display name: CPU, or GPU 0 (NVIDIA H100 80GB HBM3)
 */
public record ModelInfo(
        String name,
        String fingerprint,
        FingerprintParts parts,
        EarlierFingerprints earlier,
        int vocabularySize,
        int context,
        int maxModelLen,
        SamplingParameters defaultSampling,
        ToolFormat toolFormat,
        Reasoning reasoning,
        String device) {

    /** The same with another maximum of a request's tokens. */
    public ModelInfo limitedTo(int tokens) {
        return new ModelInfo(
                name,
                fingerprint,
                parts,
                earlier,
                vocabularySize,
                context,
                tokens,
                defaultSampling,
                toolFormat,
                reasoning,
                device);
    }
}
