package io.millrace.gpu.device.cuda.kernel;

/** Decides the number of split-K segments of a matmul. */
public enum Segmentation {
    /** The numerics contract's S(N, K), which depends on the weight's shape alone. */
    CONTRACT {
        @Override
        public int segments(CudaMatrix weight, int tokens, int multiprocessors) {
            return weight.segments();
        }
    },

    /**
     * Depends on the launch's tokens and on the GPU as well, and so breaks law 1: for measuring
     * what the contract costs. A matmul is split only if it has too few CTAs otherwise.
     */
    FREE {
        @Override
        public int segments(CudaMatrix weight, int tokens, int multiprocessors) {
            if (Launches.isLarge(tokens, weight.rows())) {
                // Its CTAs compute all segments themselves, so more segments only cost more
                // additions.
                return 1;
            }
            int enough = Numerics.ENOUGH_TILES * multiprocessors / SWEPT_MULTIPROCESSORS;
            return Numerics.segments(
                    Launches.widestTiles(tokens, weight.rows()), enough, weight.k());
        }
    };

    /** Multiprocessors of the GPU on which {@link Numerics#ENOUGH_TILES} was measured. */
    private static final int SWEPT_MULTIPROCESSORS = 132;

    /**
     * Number of segments of a launch.
     *
     * @param tokens tokens of the launch
     * @param multiprocessors multiprocessors of the GPU
     */
    public abstract int segments(CudaMatrix weight, int tokens, int multiprocessors);
}
