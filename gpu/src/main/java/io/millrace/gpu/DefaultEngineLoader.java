package io.millrace.gpu;

import java.io.IOException;

/** Opens the real engine. An enum, so that a job that carries it keeps nothing of its own alive. */
public enum DefaultEngineLoader implements EngineLoader {
    INSTANCE;

    @Override
    public Engine load(EngineOptions options) throws IOException {
        return Engine.open(options);
    }
}
