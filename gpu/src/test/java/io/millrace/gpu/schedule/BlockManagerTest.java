package io.millrace.gpu.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BlockManagerTest {

    @Test
    void handsOutEachBlockOnceAndNeverBlockZero() {
        BlockManager manager = new BlockManager(17, 4);
        Set<Integer> taken = new HashSet<>();
        while (manager.freeBlocks() > 0) {
            assertThat(taken.add(manager.allocate())).isTrue();
        }
        assertThat(taken).hasSize(16).doesNotContain(0);
        assertThat(manager.usedBlocks()).isEqualTo(16);
        assertThatThrownBy(manager::allocate)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("No KV block is free");
    }

    @Test
    void aSharedBlockIsFreeOnlyAfterItsLastHolder() {
        BlockManager manager = new BlockManager(3, 4);
        int block = manager.allocate();
        manager.share(block);
        manager.release(block);
        assertThat(manager.freeBlocks()).isEqualTo(1);
        manager.release(block);
        assertThat(manager.freeBlocks()).isEqualTo(2);
    }

    @Test
    void refusesToReleaseOrShareWhatIsNotInUse() {
        BlockManager manager = new BlockManager(3, 4);
        for (int block : new int[] {-1, 0, 1, 2, 3}) {
            assertThatThrownBy(() -> manager.release(block))
                    .hasMessage("KV block " + block + " is not in use.");
            assertThatThrownBy(() -> manager.share(block))
                    .hasMessage("KV block " + block + " is not in use.");
        }
    }

    @Test
    void roundsPositionsUpToBlocks() {
        BlockManager manager = new BlockManager(3, 16);
        assertThat(manager.blocksFor(0)).isZero();
        assertThat(manager.blocksFor(1)).isEqualTo(1);
        assertThat(manager.blocksFor(16)).isEqualTo(1);
        assertThat(manager.blocksFor(17)).isEqualTo(2);
    }

    @Test
    void refusesACacheWithoutAnyBlockToHandOut() {
        assertThatThrownBy(() -> new BlockManager(1, 16)).hasMessageContaining("1 blocks of 16");
        assertThatThrownBy(() -> new BlockManager(5, 0)).hasMessageContaining("5 blocks of 0");
    }

    @Test
    void staysWholeUnderRandomOperations() {
        for (int blocks : new int[] {2, 17, 54, 97}) {
            Random random = new Random(blocks);
            BlockManager manager = new BlockManager(blocks, 3);
            int[] holders = new int[blocks];
            List<Integer> held = new ArrayList<>();
            for (int i = 0; i < 5_000; i++) {
                int roll = random.nextInt(3);
                if (roll == 0 && manager.freeBlocks() > 0) {
                    int block = manager.allocate();
                    held.add(block);
                    holders[block]++;
                } else if (roll == 1 && !held.isEmpty() && held.size() < 5 * blocks) {
                    int block = held.get(random.nextInt(held.size()));
                    manager.share(block);
                    held.add(block);
                    holders[block]++;
                } else if (!held.isEmpty()) {
                    int block = held.remove(random.nextInt(held.size()));
                    manager.release(block);
                    holders[block]--;
                }
                manager.checkIntegrity(holders);
            }
            for (int block : held) {
                manager.release(block);
            }
            assertThat(manager.usedBlocks()).isZero();
        }
    }

    @Test
    void checkIntegrityFindsALeak() {
        BlockManager manager = new BlockManager(3, 4);
        int block = manager.allocate();
        assertThatThrownBy(() -> manager.checkIntegrity(new int[3]))
                .hasMessage("KV block " + block + " counts 1 references and has 0.");
    }
}
