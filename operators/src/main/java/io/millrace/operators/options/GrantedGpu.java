package io.millrace.operators.options;

import io.millrace.gpu.api.EngineOptions;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.common.externalresource.ExternalResourceInfo;

/** Uses the GPU that Flink assigned to a task as an external resource. */
public final class GrantedGpu {
    /** Name of the resource in Flink's configuration. */
    public static final String RESOURCE = "gpu";

    /** The property of a GPU's index in Flink's GPU driver. */
    private static final String INDEX = "index";

    private GrantedGpu() {}

    /**
     * Sets the GPU if the options name none.
     *
     * @param granted the task's {@link #RESOURCE}; the first of several is used
     */
    public static EngineOptions fillIn(EngineOptions options, Set<ExternalResourceInfo> granted) {
        if (options.gpu() != EngineOptions.ANY_GPU) {
            return options;
        }
        return granted.stream()
                .map(info -> info.getProperty(INDEX))
                .flatMap(Optional::stream)
                .mapToInt(Integer::parseInt)
                .min()
                .stream()
                .mapToObj(options::withGpu)
                .findFirst()
                .orElse(options);
    }
}
