package io.millrace.jobs;

import io.millrace.gpu.Engine;
import io.millrace.gpu.EngineOptions;
import io.millrace.gpu.FreeNumerics;
import io.millrace.gpu.LoadProgress;
import java.io.IOException;

/** The numerics that an engine is measured with, spelt as on the command line. */
enum BenchNumerics {
    /** Those of every engine. */
    contract,

    /** Without the first law. */
    free;

    private static final String FREE_ROWS = ", free numerics";

    Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        return this == free ? FreeNumerics.open(options, progress) : Engine.open(options, progress);
    }

    /** Whether a request has the same answer whatever runs beside it. */
    boolean keepsAnswers() {
        return this == contract;
    }

    /** Name of a model in rows of results. */
    String rowsOf(String model) {
        return this == free ? model + FREE_ROWS : model;
    }

    /** The model that a row of free numerics is of; null for every other row. */
    static String measuredFree(ResultRow row) {
        String name = row.model();
        return name.endsWith(FREE_ROWS)
                ? name.substring(0, name.length() - FREE_ROWS.length())
                : null;
    }
}
