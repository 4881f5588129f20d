package io.millrace.jobs;

import io.millrace.gpu.EngineLoader;
import io.millrace.gpu.OpenEngine;

/** Opens engines for jobs, with or without telling how far it is. */
final class Loaders {
    private Loaders() {}

    /** For a job graph. */
    static EngineLoader engine() {
        return new OpenEngine();
    }

    /** For this process: its engine is the one that the job graph's loader would open. */
    static EngineLoader engine(Progress progress) {
        return new OpenEngine(
                (phase, done, total) -> progress.percent("Model", phase, done, total));
    }
}
