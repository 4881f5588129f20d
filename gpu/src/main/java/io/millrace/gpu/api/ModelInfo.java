package io.millrace.gpu.api;

/**
 * What is known of a loaded model.
 *
 * @param name its name in requests and results
 * @param fingerprint hash of weights, config, tokenizer and kernels: equal fingerprints give equal
 *     answers
 * @param parts what the fingerprint is made of
 * @param earlier other fingerprints that the same answers had
 * @param vocabularySize number of logits
 * @param context most tokens of prompt and completion together, by the model alone: here answers
 *     end
 * @param maxModelLen most of them that fit here, by options and KV cache: what may become longer is
 *     refused
 * @param defaultSampling parameters where a request names none (generation_config.json)
 * @param device where it runs, for people: CPU, or GPU 0 (NVIDIA H100 80GB HBM3)
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
        String device) {}
