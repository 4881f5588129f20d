package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import java.io.IOException;

/**
 * Opens engines for jobs. The class is loaded with the engine, because jobs of a JVM have class
 * loaders of their own: with loaders of their own classes they would not share an engine.
 */
public final class OpenEngine implements EngineLoader {
    private static final long serialVersionUID = 1L;

    private final transient LoadProgress progress;

    /** Opens engines without a report of progress. */
    public OpenEngine() {
        this(LoadProgress.NONE);
    }

    /**
     * Opens engines.
     *
     * @param progress receives the progress, in this JVM only
     */
    public OpenEngine(LoadProgress progress) {
        this.progress = progress;
    }

    @Override
    public Engine load(EngineOptions options) throws IOException {
        return Engine.open(options, progress == null ? LoadProgress.NONE : progress);
    }
}
