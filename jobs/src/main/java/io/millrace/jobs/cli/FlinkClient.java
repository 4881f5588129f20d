package io.millrace.jobs.cli;

import org.apache.flink.streaming.api.environment.LocalStreamEnvironment;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Determines whether {@code flink run} started this program. */
public final class FlinkClient {
    private FlinkClient() {}

    /** Whether Flink's client called the program: the environment is then a cluster's. */
    public static boolean isCaller() {
        // The launcher sets a property with its folder; querying Flink takes half a second.
        return System.getProperty("millrace.home") == null
                && !(StreamExecutionEnvironment.getExecutionEnvironment()
                        instanceof LocalStreamEnvironment);
    }
}
