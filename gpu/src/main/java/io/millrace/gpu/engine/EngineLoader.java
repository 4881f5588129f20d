package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import java.io.IOException;
import java.io.Serializable;

/** Opens an engine; serializable so that a job graph can carry it. */
@FunctionalInterface
public interface EngineLoader extends Serializable {

    /**
     * Loads the model and allocates its memory; may take long.
     *
     * @throws IOException a model that cannot be read; the message is one sentence for the user
     */
    Engine load(EngineOptions options) throws IOException;
}
