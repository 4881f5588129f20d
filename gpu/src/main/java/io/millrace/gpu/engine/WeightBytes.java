package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;

/**
 * How large a model's weights are in memory, told from its folder without loading it.
 *
 * @param all bytes of all weights
 * @param perStep bytes that each step reads: all but an embedding that is not the head as well
 */
public record WeightBytes(long all, long perStep) {

    /**
     * Looks into the folder that an engine would be opened with.
     *
     * @throws IOException no model that the engine knows; the message is one sentence for the user
     */
    public static WeightBytes of(EngineOptions options) throws IOException {
        ModelFolder model = ModelFolder.open(options);
        return options.weights() == Weights.INT8
                ? new WeightBytes(model.int8WeightBytes(), model.int8StepBytes())
                : new WeightBytes(model.weightBytes(), model.stepBytes());
    }
}
