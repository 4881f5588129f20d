package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;

/** Reads the key {@code group_size}, the inputs that share a scale. */
final class GroupSize {
    /** All inputs of a matrix are one group. */
    static final int COLUMN = -1;

    private GroupSize() {}

    static int read(ConfigFile config) throws InvalidModelException {
        JsonNode size = config.get("group_size");
        return size != null && size.isIntegralNumber() && size.longValue() == COLUMN
                ? COLUMN
                : config.positiveInt("group_size");
    }
}
