package io.millrace.jobs.bench.result;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.FreeNumerics;
import java.io.IOException;

/** The numerics that an engine is measured with, spelt as on the command line. */
public enum BenchNumerics {
    /** Those of every engine. */
    contract,

    /** Without the first law. */
    free;

    private static final String FREE_ROWS = ", free numerics";

    public Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        return this == free ? FreeNumerics.open(options, progress) : Engine.open(options, progress);
    }

    /** Whether a request has the same answer whatever runs beside it. */
    public boolean keepsAnswers() {
        return this == contract;
    }

    /** Name of a model in rows of results. */
    public String rowsOf(String model) {
        return this == free ? model + FREE_ROWS : model;
    }

    /** The model that a row of these numerics is of: {@link #rowsOf} undone. */
    public String modelOf(ResultRow row) {
        return this == free ? measuredFree(row) : row.model();
    }

    /** The model that a row of free numerics is of; null for every other row. */
    static String measuredFree(ResultRow row) {
        String name = row.model();
        return name.endsWith(FREE_ROWS)
                ? name.substring(0, name.length() - FREE_ROWS.length())
                : null;
    }
}
