package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.program.StepBatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SharedChunksTest {
    /** A row: its first position, its tokens, its first block; as many blocks as it shares. */
    private record Row(int position, int tokens, int firstBlock, int shared) {}

    private static StepBatch batch(int blockSize, Row... rows) {
        StepBatch batch = new StepBatch(200, 8);
        for (Row row : rows) {
            int blocks = (row.position + row.tokens + blockSize - 1) / blockSize;
            batch.blockTables[batch.rows] =
                    IntStream.range(0, blocks)
                            .map(i -> i < row.shared ? 1 + i : row.firstBlock + i)
                            .toArray();
            for (int i = 0; i < row.tokens; i++) {
                batch.positions[batch.tokens++] = row.position + i;
            }
            batch.rowStart[++batch.rows] = batch.tokens;
        }
        return batch;
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 24, 64})
    void rowsShareAFirstChunkThatEndsInTheSameBlock(int blockSize) {
        int chunk = (512 + blockSize - 1) / blockSize;
        SharedChunks shared = new SharedChunks(blockSize);
        Row one = new Row(700, 1, 1000, chunk);
        Row other = new Row(1023, 1, 2000, chunk);
        assertThat(shared.any(batch(blockSize, one, other), 0)).isTrue();
        assertThat(shared.any(batch(blockSize, one), 0)).isFalse();
        Row less = new Row(1023, 1, 2000, chunk - 1);
        assertThat(shared.any(batch(blockSize, one, less), 0)).isFalse();
        assertThat(shared.any(batch(blockSize, less, one, less, other), 0)).isTrue();
    }

    @Test
    void aRowsOwnPositionIsNoPartOfWhatItShares() {
        SharedChunks shared = new SharedChunks(16);
        Row one = new Row(512, 1, 1000, 32);
        assertThat(shared.any(batch(16, one, one), 0)).isTrue();
        assertThat(shared.any(batch(16, one, new Row(511, 1, 2000, 32)), 0)).isFalse();
    }

    @Test
    void fewChunksAreNotWorthIt() {
        SharedChunks shared = new SharedChunks(16);
        Row one = new Row(512, 1, 1000, 32);
        Row two = new Row(600, 2, 2000, 32);
        assertThat(shared.any(batch(16, one, two, one), 4)).isTrue();
        assertThat(shared.any(batch(16, one, two, one), 5)).isFalse();
    }

    @Test
    void rowsOfSeveralTokensShareNothing() {
        SharedChunks shared = new SharedChunks(16);
        Row one = new Row(600, 1, 1000, 32);
        Row two = new Row(600, 2, 2000, 32);
        assertThat(shared.any(batch(16, two, one, two), 0)).isFalse();
        assertThat(shared.any(batch(16, two, one, two, one), 0)).isTrue();
    }
}
