package io.millrace.operators.corpus.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.corpus.output.RowIndex.Entry;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowIndexTest {
    /** So far apart that each row has a page of its own, of which 1,024 are in memory. */
    private static final long APART = 257;

    private static final int ROWS = 3001;

    @TempDir Path folder;

    @Test
    void rowsOfMorePagesThanAreInMemoryAreFound() throws IOException {
        Path file = folder.resolve("index");
        try (RowIndex index = new RowIndex(file)) {
            for (int i = 0; i < ROWS; i++) {
                // First the odd ones, so that pages come back after they were written.
                int row = (i * 2) % ROWS;
                assertThat(index.get(1 + row * APART)).isNull();
                index.put(1 + row * APART, new Entry(row % 17, row, row * 97L));
            }
            for (int row = 0; row < ROWS; row++) {
                assertThat(index.get(1 + row * APART))
                        .isEqualTo(new Entry(row % 17, row, row * 97L));
                assertThat(index.get(2 + row * APART)).isNull();
            }
        }
        assertThat(file).doesNotExist();
    }
}
