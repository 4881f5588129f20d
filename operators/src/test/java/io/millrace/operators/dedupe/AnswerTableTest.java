package io.millrace.operators.dedupe;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import java.util.List;
import org.junit.jupiter.api.Test;

class AnswerTableTest {
    private static GenerationResult answer(int tokens) {
        return new GenerationResult(
                "id",
                3,
                0,
                List.of(
                        new Completion(
                                0, "x".repeat(tokens), new int[tokens], FinishReason.STOP, null)));
    }

    @Test
    void aFullTableKeepsWhatItHasAndTakesNoMore() {
        AnswerTable table = new AnswerTable(1 << 20);
        int kept = 0;
        for (int i = 0; i < 1023; i++) {
            table.put(new RequestKey(i, i), answer(1000));
            assertThat(table.bytes()).isLessThanOrEqualTo(1 << 20);
            kept += table.get(new RequestKey(i, i)) == null ? 0 : 1;
        }
        assertThat(kept).isBetween(100, 200);
        assertThat(table.get(new RequestKey(0, 0))).isNotNull();
        assertThat(table.get(new RequestKey(1022, 1022))).isNull();
    }

    @Test
    void whatIsPutTwiceIsCountedOnce() {
        AnswerTable table = new AnswerTable(1 << 20);
        table.put(new RequestKey(1, 2), answer(17));
        long bytes = table.bytes();
        table.put(new RequestKey(1, 2), answer(17));
        assertThat(table.bytes()).isEqualTo(bytes);
    }

    /** By what the JVM says it has more of. */
    @Test
    void theBytesAreNotLessThanTheHeapTakes() {
        AnswerTable table = new AnswerTable(Long.MAX_VALUE);
        long before = used();
        for (int i = 0; i < 20_000; i++) {
            table.put(new RequestKey(i, -i), answer(97));
        }
        long taken = used() - before;
        assertThat(table.bytes()).isGreaterThanOrEqualTo(taken);
        assertThat(table.get(new RequestKey(17, -17))).isNotNull();
    }

    private static long used() {
        Runtime runtime = Runtime.getRuntime();
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
