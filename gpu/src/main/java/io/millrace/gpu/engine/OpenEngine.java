package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import java.io.IOException;

/**
 * Opens engines for jobs. One class for all of them, beside the engine: jobs of one JVM have class
 * loaders of their own and would else not be seen to ask for the same engine.
 */
public final class OpenEngine implements EngineLoader {
    private static final long serialVersionUID = 1L;

    private final transient LoadProgress progress;

    /** Tells nobody how far it is. */
    public OpenEngine() {
        this(LoadProgress.NONE);
    }

    /**
     * Opens engines.
     *
     * @param progress told how far it is, in this JVM only
     */
    public OpenEngine(LoadProgress progress) {
        this.progress = progress;
    }

    @Override
    public Engine load(EngineOptions options) throws IOException {
        return Engine.open(options, progress == null ? LoadProgress.NONE : progress);
    }
}
