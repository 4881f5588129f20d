package io.millrace.gpu.device.cuda.kernel;

/** Decides into how many chains a product cuts its sums over k. */
public enum Segmentation {
    /** The contract's S(N, K): from the weight's shape alone. */
    CONTRACT {
        @Override
        public int segments(CudaMatrix weight, int tokens, int multiprocessors) {
            return weight.segments();
        }
    },

    /**
     * By the tokens of a launch and the GPU as well, so without law 1: for measuring what the
     * contract costs. Sums are cut only where there are too few CTAs without it.
     */
    FREE {
        @Override
        public int segments(CudaMatrix weight, int tokens, int multiprocessors) {
            if (Launches.isLarge(tokens, weight.rows())) {
                // Its CTAs do all segments themselves: more of them are more to add.
                return 1;
            }
            int enough = Numerics.ENOUGH_TILES * multiprocessors / SWEPT_MULTIPROCESSORS;
            return Numerics.segments(
                    Launches.widestTiles(tokens, weight.rows()), enough, weight.k());
        }
    };

    /** Of the GPU on which {@link Numerics#ENOUGH_TILES} was found to be enough. */
    private static final int SWEPT_MULTIPROCESSORS = 132;

    /**
     * Segments of one launch.
     *
     * @param tokens that the launch is made for
     * @param multiprocessors of the GPU
     */
    public abstract int segments(CudaMatrix weight, int tokens, int multiprocessors);
}
