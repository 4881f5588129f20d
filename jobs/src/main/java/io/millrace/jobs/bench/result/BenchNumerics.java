package io.millrace.jobs.bench.result;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.FreeNumerics;
import java.io.IOException;

/** The numerics of a measured engine, spelt as on the command line. */
public enum BenchNumerics {
    /** The numerics contract. */
    contract,

    /** Without the first law. */
    free;

    private static final String FREE_ROWS = ", free numerics";

    public Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        return this == free ? FreeNumerics.open(options, progress) : Engine.open(options, progress);
    }

    /** Whether the answer to a request is independent of other requests. */
    public boolean keepsAnswers() {
        return this == contract;
    }

    /** Name of a model in rows of results. */
    public String rowsOf(String model) {
        return this == free ? model + FREE_ROWS : model;
    }

    /** The model of a row of these numerics: the inverse of {@link #rowsOf}. */
    public String modelOf(ResultRow row) {
        return this == free ? measuredFree(row) : row.model();
    }

    /** The model of a row of free numerics; null for other rows. */
    static String measuredFree(ResultRow row) {
        String name = row.model();
        return name.endsWith(FREE_ROWS)
                ? name.substring(0, name.length() - FREE_ROWS.length())
                : null;
    }
}
