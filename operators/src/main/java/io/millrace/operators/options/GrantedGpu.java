package io.millrace.operators.options;

import io.millrace.gpu.api.EngineOptions;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.common.externalresource.ExternalResourceInfo;

/** Takes the GPU that Flink gave a task as its external resource. */
public final class GrantedGpu {
    /** Name of the resource in Flink's configuration. */
    public static final String RESOURCE = "gpu";

    /** What Flink's GPU driver calls a GPU's index. */
    private static final String INDEX = "index";

    private GrantedGpu() {}

    /**
     * Fills in the GPU where the options name none.
     *
     * @param granted what the task was given of {@link #RESOURCE}; of several the first counts
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
