package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;

/**
 * Sizes of a model's weights in memory, computed from its folder without loading it.
 *
 * @param all bytes of all weights
 * @param perStep bytes that each step reads: all except an embedding that is not also the head
 */
public record WeightBytes(long all, long perStep) {

    /**
     * Reads the folder of an engine's options.
     *
     * @throws IOException the engine does not support the model; the message is one sentence for
     *     the user
     */
    public static WeightBytes of(EngineOptions options) throws IOException {
        ModelFolder model = ModelFolder.open(options);
        return options.weights() == Weights.INT8
                ? new WeightBytes(model.int8WeightBytes(), model.int8StepBytes())
                : new WeightBytes(model.weightBytes(), model.stepBytes());
    }
}
