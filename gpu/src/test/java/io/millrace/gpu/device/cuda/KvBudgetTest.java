package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.device.cuda.driver.GpuException;
import org.junit.jupiter.api.Test;

class KvBudgetTest {
    private static final int BLOCK = 1 << 20;
    private static final long GPU = 1000L * BLOCK;

    @Test
    void theCacheFillsTheShareThatIsLeft() throws GpuException {
        KvBudget budget = new KvBudget(BLOCK, 17, 1000, 0);
        assertThat(budget.blocks("GPU 0", GPU, GPU, 0.9)).isEqualTo(900);
        assertThat(budget.blocks("GPU 0", GPU, GPU - 300L * BLOCK, 0.9)).isEqualTo(600);
        assertThat(budget.blocks("GPU 0", GPU, GPU - 300L * BLOCK - 1, 0.9)).isEqualTo(599);
    }

    @Test
    void theCacheIsNoLargerThanAllSequencesCanUse() throws GpuException {
        assertThat(new KvBudget(BLOCK, 17, 3, 0).blocks("GPU 0", GPU, GPU, 0.9)).isEqualTo(52);
        assertThat(new KvBudget(BLOCK, 17, 3, GPU).blocks("GPU 0", GPU, 0, 0.9)).isEqualTo(52);
    }

    @Test
    void theCacheTakesTheBytesItIsAskedFor() throws GpuException {
        KvBudget budget = new KvBudget(BLOCK, 54, 1000, 7L * BLOCK + 1);
        assertThat(budget.blocks("GPU 0", GPU, 0, 0.1)).isEqualTo(7);
    }

    @Test
    void refusesWhatHasNoRoomForOneContextAndSaysWhatToTurn() {
        KvBudget budget = new KvBudget(BLOCK, 97, 2, 0);
        assertThatThrownBy(() -> budget.blocks("GPU 0 (X)", GPU, 196L * BLOCK, 0.9))
                .isInstanceOf(GpuException.class)
                .hasMessageContainingAll(
                        "98 MiB",
                        "GPU 0 (X)",
                        "1000 MiB",
                        "196 are free",
                        "96 may",
                        "--gpu-memory-utilization 0.9",
                        "--max-model-len",
                        "--max-sequences");
        assertThatThrownBy(() -> new KvBudget(BLOCK, 97, 2, BLOCK).blocks("GPU 0", GPU, GPU, 0.9))
                .isInstanceOf(GpuException.class)
                .hasMessageContainingAll("two blocks", "--kv-cache-memory");
    }
}
