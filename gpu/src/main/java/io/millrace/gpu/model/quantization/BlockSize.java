package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;

/** The block of a matrix that shares a scale; the last blocks of a matrix may be smaller. */
record BlockSize(int rows, int columns) {

    static BlockSize read(ConfigFile config, String key) throws InvalidModelException {
        JsonNode size = config.get(key);
        if (size == null
                || !size.isArray()
                || size.size() != 2
                || size.get(0).asInt() < 1
                || size.get(1).asInt() < 1) {
            throw config.wrong(key, size, "a list of rows and columns, such as [128, 128],");
        }
        return new BlockSize(size.get(0).asInt(), size.get(1).asInt());
    }
}
