package io.millrace.jobs.cli;

import io.millrace.gpu.engine.EngineLoader;
import io.millrace.gpu.engine.OpenEngine;

/** Opens engines for jobs, with or without showing progress. */
public final class Loaders {
    private Loaders() {}

    /** For a job graph. */
    public static EngineLoader engine() {
        return new OpenEngine();
    }

    /** For this process: opens the same engine as the job graph's loader. */
    public static EngineLoader engine(Progress progress) {
        return new OpenEngine(
                (phase, done, total) -> progress.percent("Model", phase, done, total));
    }
}
