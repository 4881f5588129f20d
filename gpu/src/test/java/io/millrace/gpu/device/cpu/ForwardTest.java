package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.ReferenceBackend;
import io.millrace.gpu.device.TestingSequences;
import io.millrace.gpu.model.Decoder;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole forward pass: near the oracle, and the same bits however it is cut. */
class ForwardTest {
    private static final int MAX_TOKENS = 128;
    private static final int VOCABULARY = 320;

    @TempDir Path dir;

    static Stream<TinyModels> shapes() {
        return Stream.of(
                TinyModels.llama(),
                TinyModels.qwen2().tied(true),
                TinyModels.llama().hidden(54).heads(3, 1, 8).intermediate(97),
                TinyModels.qwen2().hidden(97).heads(7, 1, 24).intermediate(17).layers(1),
                TinyModels.llama().hidden(17).heads(1, 1, 16).intermediate(54),
                TinyModels.llama().hidden(64).heads(4, 4, 32).intermediate(97),
                TinyModels.llama().heads(2, 1, 64).vocabulary(331),
                TinyModels.llama().heads(2, 2, 128),
                TinyModels.qwen3(),
                TinyModels.qwen3().hidden(54).heads(3, 1, 24).tied(true),
                TinyModels.mistral(null),
                TinyModels.mistral(1),
                TinyModels.mistral(7),
                TinyModels.mistral(17).heads(6, 2, 8).layers(3),
                TinyModels.phi3(null).hidden(54).heads(3, 1, 24).intermediate(97),
                TinyModels.phi3(17).heads(6, 2, 8).tied(true).dtype(DType.BF16),
                TinyModels.starcoder2(null).tied(false),
                TinyModels.starcoder2(17).hidden(54).heads(6, 2, 24).intermediate(97),
                windowInTheLastLayer(),
                TinyModels.gpt2(),
                TinyModels.gpt2().hidden(56).heads(7, 7, 8).intermediate(97),
                TinyModels.gpt2().hidden(24).heads(1, 1, 24).intermediate(17).tied(false),
                TinyModels.llama()
                        .config(
                                c ->
                                        c.putObject("rope_scaling")
                                                .put("rope_type", "llama3")
                                                .put("factor", 8.0)
                                                .put("low_freq_factor", 1.0)
                                                .put("high_freq_factor", 4.0)
                                                .put("original_max_position_embeddings", 64)));
    }

    private static TinyModels windowInTheLastLayer() {
        return TinyModels.qwen2()
                .config(
                        c ->
                                c.put("use_sliding_window", true)
                                        .put("sliding_window", 9)
                                        .put("max_window_layers", 1));
    }

    /** One of each way to compute, with windows shorter and longer than a tile, block or chunk. */
    static Stream<TinyModels> families() {
        return Stream.of(
                TinyModels.qwen3(),
                TinyModels.mistral(1),
                TinyModels.mistral(3).heads(4, 4, 24),
                TinyModels.mistral(17).dtype(DType.BF16),
                windowInTheLastLayer(),
                TinyModels.phi3(7).heads(6, 2, 8).dtype(DType.F16),
                TinyModels.starcoder2(7).heads(6, 2, 8),
                TinyModels.gpt2(),
                TinyModels.gpt2().hidden(40).heads(5, 5, 8).intermediate(97).dtype(DType.F16));
    }

    @ParameterizedTest
    @MethodSource("families")
    void everyFamilyHasOneResultForAnyChunkBlockAndBatch(TinyModels model) throws IOException {
        ModelFolder folder = ModelFolder.open(model.write(dir));
        int[] tokens = TestingSequences.randomTokens(97, VOCABULARY, 11);
        int[] neighbour = TestingSequences.randomTokens(60, VOCABULARY, 12);
        Map<Integer, float[]> single;
        try (CpuModelRunner runner = open(folder, options())) {
            TestingSequences alone = sequences(runner);
            alone.feed(alone.add(tokens), 1);
            single = alone.byPosition.get(0);
            for (int chunk : new int[] {2, 7, 17, 54, 97}) {
                TestingSequences chunked = sequences(runner);
                chunked.feed(chunked.add(tokens), chunk);
                assertSameBits(chunked, single);
            }
        }
        for (int blockSize : new int[] {1, 3, 17, 32}) {
            try (CpuModelRunner runner = open(folder, options().withBlockSize(blockSize))) {
                TestingSequences batched = sequences(runner);
                batched.add(tokens);
                batched.add(neighbour);
                batched.step(17, 5);
                batched.step(1, 30);
                batched.step(54, 1);
                batched.step(25, 24);
                assertSameBits(batched, single);
            }
        }
    }

    private static void assertSameBits(TestingSequences actual, Map<Integer, float[]> expected) {
        assertThat(actual.byPosition.get(0)).containsKey(96);
        actual.byPosition
                .get(0)
                .forEach((position, row) -> assertThat(row).isEqualTo(expected.get(position)));
    }

    @Test
    void whatAWindowHasLeftBehindIsNotRead() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.mistral(12).write(dir));
        int[] tokens = TestingSequences.randomTokens(54, VOCABULARY, 13);
        try (CpuModelRunner runner = open(folder, options().withBlockSize(8))) {
            TestingSequences clean = sequences(runner);
            clean.feed(clean.add(tokens), 1);
            TestingSequences poisoned = sequences(runner);
            poisoned.add(tokens);
            poisoned.step(36);
            // Position 36 sees 25 to 36: blocks 0 to 2 lie behind it.
            KvCache cache = runner.backend.cache;
            for (int block : Arrays.copyOf(poisoned.blocks(0), 3)) {
                int from = cache.offset(block);
                Arrays.fill(cache.array(block), from, from + cache.blockFloats, Float.NaN);
            }
            poisoned.step(17);
            poisoned.step(1);
            for (int position : new int[] {52, 53}) {
                assertThat(poisoned.byPosition.get(0).get(position))
                        .isEqualTo(clean.byPosition.get(0).get(position))
                        .doesNotContain(Float.NaN);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void isNearTheOracle(TinyModels model) throws IOException {
        assertNearOracle(ModelFolder.open(model.write(dir)), Weights.MODEL);
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "INT8")
    void isNearTheOracleInEveryType(DType type) throws IOException {
        assertNearOracle(
                ModelFolder.open(TinyModels.qwen2().dtype(type).write(dir)), Weights.MODEL);
    }

    static Stream<TinyModels> quantized() {
        return Stream.of(
                TinyModels.llama().hidden(54).heads(3, 1, 8).intermediate(97).dtype(DType.BF16),
                TinyModels.qwen2().hidden(97).heads(7, 1, 24).intermediate(17).tied(true),
                TinyModels.qwen3().hidden(17).heads(1, 1, 16).intermediate(54).dtype(DType.F16),
                TinyModels.phi3(null).hidden(54).heads(3, 1, 24).intermediate(97),
                TinyModels.gpt2().hidden(56).heads(7, 7, 8).intermediate(97),
                TinyModels.gpt2().hidden(24).heads(1, 1, 24).intermediate(17).tied(false));
    }

    @ParameterizedTest
    @MethodSource("quantized")
    void isNearTheOracleInInt8(TinyModels model) throws IOException {
        assertNearOracle(ModelFolder.open(model.write(dir)), Weights.INT8);
    }

    @ParameterizedTest
    @MethodSource("quantized")
    void int8HasOneResultForAnyChunkAndNumberOfThreads(TinyModels model) throws IOException {
        ModelFolder folder = ModelFolder.open(model.write(dir));
        int[] tokens = TestingSequences.randomTokens(97, VOCABULARY, 14);
        Map<Integer, float[]> single = null;
        for (int chunk : new int[] {1, 2, 17, 54, 97}) {
            EngineOptions options = options().withWeights(Weights.INT8).withThreads(1 + chunk % 3);
            try (CpuModelRunner runner = open(folder, options)) {
                TestingSequences sequences = sequences(runner);
                sequences.feed(sequences.add(tokens), chunk);
                single = single == null ? sequences.byPosition.get(0) : single;
                assertSameBits(sequences, single);
            }
        }
    }

    private static void assertNearOracle(ModelFolder folder, Weights weights) throws IOException {
        int[] tokens = TestingSequences.randomTokens(54, VOCABULARY, 3);
        var reference =
                new ReferenceBackend(
                        folder.attentionShape(),
                        folder.rotary(256),
                        MAX_TOKENS,
                        4,
                        weights == Weights.INT8);
        var oracle = Decoder.load(folder, reference, LoadProgress.NONE);
        TestingSequences expected =
                new TestingSequences(
                        MAX_TOKENS,
                        4,
                        64,
                        4,
                        folder.vocabularySize(),
                        oracle::forward,
                        (row, to) -> {
                            for (int i = 0; i < to.length; i++) {
                                to[i] = (float) reference.logits.get(row)[i];
                            }
                        });
        expected.feed(expected.add(tokens), 1);
        try (CpuModelRunner runner = open(folder, options().withWeights(weights))) {
            TestingSequences actual = sequences(runner);
            actual.feed(actual.add(tokens), 1);
            for (int position = 0; position < tokens.length; position++) {
                assertNear(
                        actual.byPosition.get(0).get(position),
                        expected.byPosition.get(0).get(position));
            }
        }
    }

    /** Within 1e-4 of the largest logit. */
    private static void assertNear(float[] actual, float[] expected) {
        float largest = 0;
        for (float v : expected) {
            largest = Math.max(largest, Math.abs(v));
        }
        assertThat(actual).containsExactly(expected, offset(largest * 1e-4f));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 7, 16, 17, 54, 97})
    void anyChunkGivesTheBitsOfSingleTokens(int chunk) throws IOException {
        int[] tokens = TestingSequences.randomTokens(97, VOCABULARY, 5);
        Map<Integer, float[]> single = logits(options(), DType.BF16, tokens, 1);
        logits(options(), DType.BF16, tokens, chunk)
                .forEach((position, row) -> assertThat(row).isEqualTo(single.get(position)));
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "INT8")
    void prefillGivesTheBitsOfDecodeInEveryType(DType type) throws IOException {
        int[] tokens = TestingSequences.randomTokens(54, VOCABULARY, 6);
        Map<Integer, float[]> single = logits(options(), type, tokens, 1);
        Map<Integer, float[]> whole = logits(options(), type, tokens, 54);
        assertThat(whole.get(53)).isEqualTo(single.get(53));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 8, 17, 32, 97})
    void anyBlockSizeGivesTheSameBits(int blockSize) throws IOException {
        int[] tokens = TestingSequences.randomTokens(54, VOCABULARY, 7);
        Map<Integer, float[]> expected = logits(options(), DType.F32, tokens, 17);
        logits(options().withBlockSize(blockSize), DType.F32, tokens, 17)
                .forEach((position, row) -> assertThat(row).isEqualTo(expected.get(position)));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void anyNumberOfThreadsGivesTheSameBits(int threads) throws IOException {
        int[] tokens = TestingSequences.randomTokens(54, VOCABULARY, 8);
        Map<Integer, float[]> expected = logits(options().withThreads(1), DType.F16, tokens, 17);
        logits(options().withThreads(threads), DType.F16, tokens, 17)
                .forEach((position, row) -> assertThat(row).isEqualTo(expected.get(position)));
    }

    @Test
    void anyBatchGivesTheBitsOfASequenceAlone() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.qwen2().dtype(DType.BF16).write(dir));
        int[][] tokens = new int[5][];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = TestingSequences.randomTokens(20 + 7 * i, VOCABULARY, i);
        }
        try (CpuModelRunner runner = open(folder, options())) {
            TestingSequences together = sequences(runner);
            for (int[] sequence : tokens) {
                together.add(sequence);
            }
            together.step(3, 1, 20, 0, 5);
            together.step(1, 17, 1, 9, 1);
            together.step(7, 1, 0, 1, 30);
            together.step(9, 8, 13, 31, 12);
            for (int i = 0; i < tokens.length; i++) {
                TestingSequences alone = sequences(runner);
                alone.feed(alone.add(tokens[i]), 1);
                Map<Integer, float[]> expected = alone.byPosition.get(0);
                together.byPosition
                        .get(i)
                        .forEach(
                                (position, row) ->
                                        assertThat(row).isEqualTo(expected.get(position)));
                assertThat(together.tokens.get(i)).isNotEmpty();
            }
        }
    }

    @Test
    void staleBlocksDoNotLeakEvenIfTheyHoldNaN() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.llama().write(dir));
        int[] tokens = TestingSequences.randomTokens(33, VOCABULARY, 9);
        try (CpuModelRunner runner = open(folder, options())) {
            TestingSequences clean = sequences(runner);
            clean.feed(clean.add(tokens), 10);
            KvCache cache = runner.backend.cache;
            for (int block = 0; block < cache.blocks; block++) {
                cache.back(block);
                Arrays.fill(cache.array(block), Float.NaN);
            }
            TestingSequences poisoned = sequences(runner);
            poisoned.feed(poisoned.add(tokens), 10);
            assertThat(poisoned.byPosition.get(0).get(32))
                    .isEqualTo(clean.byPosition.get(0).get(32))
                    .doesNotContain(Float.NaN);
        }
    }

    private Map<Integer, float[]> logits(EngineOptions options, DType type, int[] tokens, int chunk)
            throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.llama().dtype(type).write(dir));
        try (CpuModelRunner runner = open(folder, options)) {
            TestingSequences sequences = sequences(runner);
            sequences.feed(sequences.add(tokens), chunk);
            return sequences.byPosition.get(0);
        }
    }

    private static EngineOptions options() {
        return EngineOptions.of("tiny").withMaxBatchedTokens(MAX_TOKENS).withMaxSequences(8);
    }

    private static CpuModelRunner open(ModelFolder folder, EngineOptions options)
            throws IOException {
        return CpuModelRunner.open(folder, options, LoadProgress.NONE);
    }

    static TestingSequences sequences(CpuModelRunner runner) {
        int vocabulary = runner.vocabularySize();
        return new TestingSequences(
                MAX_TOKENS,
                8,
                runner.kvBlocks(),
                runner.blockSize(),
                vocabulary,
                runner::run,
                (row, to) ->
                        System.arraycopy(
                                runner.backend.logits, row * vocabulary, to, 0, vocabulary));
    }
}
