package io.millrace.gpu;

import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;

/**
 * How large a model's weights are, told from its folder without loading it.
 *
 * @param all bytes of all weights
 * @param perStep bytes that each step reads: all but an embedding that is not the head as well
 */
public record WeightBytes(long all, long perStep) {

    /**
     * Looks into a folder in Hugging Face form.
     *
     * @throws IOException no model that the engine knows; the message is one sentence for the user
     */
    public static WeightBytes of(Path folder) throws IOException {
        ModelFolder model = ModelFolder.open(folder);
        return new WeightBytes(model.weightBytes(), model.stepBytes());
    }
}
