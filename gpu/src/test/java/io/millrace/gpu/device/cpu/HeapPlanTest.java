package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class HeapPlanTest {
    private static final long MIB = 1 << 20;
    private static final long CONSTRAINTS = 31 * MIB;
    private static final AttentionShape SHAPE = new AttentionShape(2, 4, 2, 8);
    private static final EngineOptions OPTIONS =
            EngineOptions.of("tiny").withMaxBatchedTokens(8).withMaxSequences(2);

    private static HeapPlan plan(EngineOptions options, long positions) {
        return plan(options, positions, 54 * MIB, 17 * MIB);
    }

    private static HeapPlan plan(EngineOptions options, long positions, long weights, long int8) {
        long size = options.blockSize();
        return new HeapPlan(
                "folder",
                weights,
                int8,
                97 * MIB,
                KvCache.blockBytes(SHAPE, options.blockSize()),
                (positions + size - 1) / size,
                options);
    }

    @Test
    void theCacheIsNoLargerThanAllSequencesCanUse() throws IOException {
        // 256 positions are 16 blocks, twice, and block 0.
        assertThat(plan(OPTIONS, 256).blocks(1L << 40)).isEqualTo(33);
        assertThat(plan(OPTIONS.withBlockSize(17), 256).blocks(1L << 40)).isEqualTo(33);
    }

    @Test
    void theCacheTakesTheBytesItIsGiven() throws IOException {
        long block = KvCache.blockBytes(SHAPE, 16);
        assertThat(block).isEqualTo(2L * 2 * 16 * (8 + 16) * 4);
        assertThat(plan(OPTIONS.withKvCacheBytes(5 * block), 256).blocks(1L << 40)).isEqualTo(5);
        assertThat(plan(OPTIONS.withKvCacheBytes(6 * block - 1), 256).blocks(1L << 40))
                .isEqualTo(5);
        assertThatThrownBy(
                        () -> plan(OPTIONS.withKvCacheBytes(2 * block - 1), 256).blocks(1L << 40))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("--kv-cache-memory", "two blocks");
    }

    @Test
    void othersGetHalfOfWhatTheModelLeaves() throws IOException {
        EngineOptions many = OPTIONS.withMaxSequences(1_000_000).withConstraintBytes(CONSTRAINTS);
        long block = KvCache.blockBytes(SHAPE, 16);
        long besides = 54 * MIB + 54 * MIB / 32 + 97 * MIB + CONSTRAINTS + HeapPlan.OTHERS;
        assertThat(plan(many, 256).blocks(2048 * MIB)).isEqualTo((int) (512 * MIB / block));
        long tight = besides + 40 * MIB;
        assertThat(plan(many, 256).blocks(tight)).isEqualTo((int) (20 * MIB / block));
    }

    @Test
    void aModelThatDoesNotFitIsRefusedWithTheFiguresAndWhatWouldDo() throws IOException {
        HeapPlan plan = plan(OPTIONS, 1_000_000);
        String refused = refusal(plan, 512 * MIB);
        assertThat(refused)
                .startsWith("The model in folder needs a heap of ")
                .contains(
                        "and this one has 512 MiB: 56 MiB for the weights, ",
                        " (one whole context; --max-model-len lowers it), 97 MiB for steps"
                                + " (--max-batched-tokens 8, --max-sequences 2), ",
                        " MiB for constraints (--constraint-memory), 128 MiB for Flink, Kafka and"
                                + " requests. Raise the heap (MILLRACE_OPTS=-Xmx");
        long needed = Long.parseLong(found("-Xmx(\\d+)m", refused));
        assertThat(plan.blocks(needed * MIB)).isEqualTo(1_000_000 / 16 + 1);
        refusal(plan, (needed - 1) * MIB);

        String cache = found("--kv-cache-memory at most (\\d+)m", refused);
        EngineOptions smaller = OPTIONS.withKvCacheBytes(Long.parseLong(cache) * MIB);
        assertThat(plan(smaller, 1_000_000).blocks(512 * MIB)).isGreaterThan(1);
        EngineOptions larger = OPTIONS.withKvCacheBytes((Long.parseLong(cache) + 1) * MIB);
        assertThat(refusal(plan(larger, 1_000_000), 512 * MIB)).contains("(--kv-cache-memory)");
    }

    @Test
    void weightsThatDoNotFitAreRefusedAndInt8WhereThatWouldDo() throws IOException {
        assertThat(refusal(plan(OPTIONS, 256, 1000 * MIB, 400 * MIB), 1200 * MIB))
                .contains("or take --weights int8 (other answers) with --kv-cache-memory");
        assertThat(refusal(plan(OPTIONS, 256, 1000 * MIB, 0), 1200 * MIB))
                .endsWith("taskmanager.memory.process.size).");
    }

    private static String refusal(HeapPlan plan, long heap) {
        return catchThrowableOfType(InvalidModelException.class, () -> plan.blocks(heap))
                .getMessage();
    }

    private static String found(String pattern, String text) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        assertThat(matcher.find()).as(text).isTrue();
        return matcher.group(1);
    }
}
