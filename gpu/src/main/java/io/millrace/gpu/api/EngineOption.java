package io.millrace.gpu.api;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * One of the {@link EngineOptions}: what it is called in Java and on the command line, and which
 * values it may have.
 */
public enum EngineOption {
    MODEL("model", "--model", EngineOptions::model, Range.ANY),
    MODEL_NAME("modelName", "--model-name", EngineOptions::modelName, Range.ANY),
    DEVICE("device", "--device", EngineOptions::device, Range.oneOf(EngineOptions.Device.values())),
    WEIGHTS(
            "weights",
            "--weights",
            EngineOptions::weights,
            Range.oneOf(EngineOptions.Weights.values())),
    LOAD_FORMAT(
            "loadFormat",
            "--load-format",
            EngineOptions::loadFormat,
            Range.oneOf(EngineOptions.LoadFormat.values())),
    ADD_BOS(
            "addBos",
            "--add-bos",
            EngineOptions::addBos,
            Range.oneOf(EngineOptions.AddBos.values())),
    MAX_MODEL_LEN("maxModelLen", "--max-model-len", EngineOptions::maxModelLen, Range.atLeast(0)),
    BLOCK_SIZE("blockSize", "--block-size", EngineOptions::blockSize, Range.atLeast(1)),
    KV_CACHE_BYTES(
            "kvCacheBytes", "--kv-cache-memory", EngineOptions::kvCacheBytes, Range.atLeast(0)),
    MAX_BATCHED_TOKENS(
            "maxBatchedTokens",
            "--max-batched-tokens",
            EngineOptions::maxBatchedTokens,
            Range.atLeast(0)),
    MAX_SEQUENCES("maxSequences", "--max-sequences", EngineOptions::maxSequences, Range.atLeast(0)),
    THREADS("threads", "--threads", EngineOptions::threads, Range.atLeast(0)),
    GPU("gpu", "--gpu", EngineOptions::gpu, Range.atLeast(EngineOptions.ANY_GPU)),
    GPU_MEMORY_UTILIZATION(
            "gpuMemoryUtilization",
            "--gpu-memory-utilization",
            EngineOptions::gpuMemoryUtilization,
            Range.SHARE);

    private final String javaName;
    private final String flag;
    private final Function<EngineOptions, Object> value;
    private final Range range;

    EngineOption(String javaName, String flag, Function<EngineOptions, Object> value, Range range) {
        this.javaName = javaName;
        this.flag = flag;
        this.value = value;
        this.range = range;
    }

    /** Its component of {@link EngineOptions}. */
    public String javaName() {
        return javaName;
    }

    /** Its name on the command line. */
    public String flag() {
        return flag;
    }

    /**
     * Refuses options out of range.
     *
     * @throws IllegalArgumentException one sentence with the option, the value and the range
     */
    public static void check(EngineOptions options) {
        for (EngineOption option : values()) {
            Object value = option.value.apply(options);
            if (!option.range.holds(value)) {
                throw new IllegalArgumentException(
                        options.names()
                                .say(
                                        "%s is %s: it must be %s."
                                                .formatted(
                                                        option.flag, value, option.range.words())));
            }
        }
    }

    /** Values that an option may have. */
    private record Range(double least, double most, boolean open, List<String> names) {
        static final Range ANY = new Range(0, 0, false, null);
        static final Range SHARE = new Range(0, 1, true, null);

        static Range atLeast(long least) {
            return new Range(least, Double.POSITIVE_INFINITY, false, null);
        }

        static Range oneOf(Enum<?>... values) {
            return new Range(0, 0, false, Stream.of(values).map(Enum::toString).toList());
        }

        boolean holds(Object value) {
            if (names != null) {
                return value != null;
            }
            if (!(value instanceof Number number)) {
                return value != null;
            }
            double x = number.doubleValue();
            return (open ? x > least : x >= least) && x <= most;
        }

        String words() {
            if (names != null) {
                int last = names.size() - 1;
                return String.join(", ", names.subList(0, last)) + " or " + names.get(last);
            }
            return open
                    ? "above %.0f and at most %.0f".formatted(least, most)
                    : "at least %.0f".formatted(least);
        }
    }
}
