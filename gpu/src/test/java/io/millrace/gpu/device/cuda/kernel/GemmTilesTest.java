package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class GemmTilesTest {
    private static final int MULTIPROCESSORS = 132;
    private static final GemmTiles H200 = GemmTiles.on(limits(90, 227), MULTIPROCESSORS);

    private static final int[] TOKENS = {17, 54, 64, 97, 128, 256, 257, 512, 1023, 2048};

    private static DeviceLimits limits(int capability, int sharedKb) {
        return new DeviceLimits(
                capability, 1024, sharedKb << 10, Integer.MAX_VALUE, 65_535, 65_535);
    }

    private static String kernel(int tokens, int rows, int k, int segments, boolean gated) {
        return H200.launch("bf16", tokens, rows, k, segments, gated).orElseThrow().kernel();
    }

    @Test
    void theTilesAreThoseOfTheKernels() throws IOException {
        List<GemmTile> all = new ArrayList<>(GemmTiles.ALL);
        all.addAll(GemmTiles.TURNS);
        assertAreThoseOf("gemm_tiles.h", all);
        assertAreThoseOf("head_tiles.h", GemmTiles.HEADS);
    }

    private static void assertAreThoseOf(String name, List<GemmTile> expected) throws IOException {
        String header = Files.readString(Path.of("src", "main", "cuda", "include", name));
        Matcher line =
                Pattern.compile("TILE\\((\\w+), (\\d+), (\\d+), (\\d+), (\\d+), (\\d+), (\\d+)\\)")
                        .matcher(header);
        List<GemmTile> tiles = new ArrayList<>();
        List<String> names = new ArrayList<>();
        while (line.find()) {
            names.add(line.group(1));
            int[] n = new int[6];
            for (int i = 0; i < n.length; i++) {
                n[i] = Integer.parseInt(line.group(i + 2));
            }
            tiles.add(new GemmTile(n[0], n[1], n[2], n[3], n[4], n[5]));
        }
        assertThat(expected).isEqualTo(tiles);
        assertThat(expected).extracting(GemmTile::name).isEqualTo(names);
    }

    @Test
    void theTilesOfHeadsAreThoseOfTheKernels() throws IOException {
        String header = Files.readString(Path.of("src", "main", "cuda", "include", "gemm_tiles.h"));
        Matcher line =
                Pattern.compile("TILE\\((\\d+), (\\d+), (\\d+), (\\d+), (\\d+), (\\d+)\\)")
                        .matcher(header);
        Map<Integer, List<GemmTile>> tiles = new HashMap<>();
        while (line.find()) {
            int[] n = new int[6];
            for (int i = 0; i < n.length; i++) {
                n[i] = Integer.parseInt(line.group(i + 1));
            }
            // Of a tile of 64 tokens the fourth number is its cluster, of others the most segments.
            boolean cluster = n[1] == 64;
            tiles.computeIfAbsent(n[0], head -> new ArrayList<>())
                    .add(
                            new GemmTile(
                                    n[1],
                                    n[2],
                                    cluster ? n[3] : 1,
                                    cluster ? 1 : n[3],
                                    n[4],
                                    n[5]));
        }
        assertThat(GemmTiles.OF_HEADS).isEqualTo(tiles);
        GemmTiles.OF_HEADS.forEach(
                (head, of) ->
                        assertThat(of)
                                .allSatisfy(
                                        t -> {
                                            assertThat(t.rows() % head).isZero();
                                            assertThat(t.partials(MULTIPROCESSORS))
                                                    .isLessThanOrEqualTo(H200.partials("bf16"));
                                        }));
    }

    @Test
    void headsAreFinishedWhereTheirRowsLieInOneTile() {
        assertThat(qkv(64, 1152, 896, 2, 64)).isEqualTo("qkv_bf16_64_64x64x2");
        assertThat(qkv(2048, 1152, 896, 2, 64)).isEqualTo("qkv_bf16_64_128x192all2");
        assertThat(qkv(2048, 3072, 2048, 2, 64)).startsWith("qkv_bf16_64_128x");
        assertThat(qkv(2048, 6144, 4096, 1, 128)).startsWith("qkv_bf16_128_128x");
        assertThat(H200.launchQkv("bf16", 64, 1152, 896, 2, 96)).isEmpty();
        assertThat(H200.launchQkv("bf16", 64, 6144, 4096, 1, 128)).isEmpty();
        assertThat(H200.launchQkv("bf16", 1, 1152, 896, 2, 64)).isEmpty();
        assertThat(H200.launchQkv("f16", 64, 1152, 896, 2, 64)).isEmpty();
        assertThat(GemmTiles.none().launchQkv("bf16", 64, 1152, 896, 2, 64)).isEmpty();
        GemmTiles little = GemmTiles.on(limits(90, 99), MULTIPROCESSORS);
        assertThat(little.launchQkv("bf16", 64, 1152, 896, 2, 64)).isEmpty();
    }

    private static String qkv(int tokens, int rows, int k, int segments, int headSize) {
        return H200.launchQkv("bf16", tokens, rows, k, segments, headSize).orElseThrow().kernel();
    }

    @Test
    void everyProductHasATile() {
        for (int tokens : TOKENS) {
            for (int rows : new int[] {16, 97, 1152, 4096, 28_672, 151_936}) {
                for (int segments : new int[] {1, 2, 4, 8}) {
                    for (boolean gated : new boolean[] {false, true}) {
                        KernelLaunch launch =
                                H200.launch("bf16", tokens, rows, 896 * segments, segments, gated)
                                        .orElseThrow();
                        GemmTile tile = tile(launch);
                        assertThat(tile.takes(segments, gated)).isTrue();
                        int tiles = tile.tiles(tokens, rows);
                        assertThat(tiles)
                                .isEqualTo(
                                        (tokens + tile.tokens() - 1)
                                                / tile.tokens()
                                                * ((rows + tile.rows() - 1) / tile.rows()));
                        assertThat(launch.z()).isEqualTo(tile.cluster());
                        assertThat(launch.x())
                                .isEqualTo(
                                        tile.cluster() > 1
                                                ? tiles
                                                : Math.min(
                                                        tiles, tile.resident() * MULTIPROCESSORS));
                        assertThat(tile.partials(MULTIPROCESSORS))
                                .isLessThanOrEqualTo(H200.partials("bf16"));
                    }
                }
            }
        }
    }

    private static GemmTile tile(KernelLaunch launch) {
        boolean turns = launch.kernel().startsWith("gemm_turns_");
        return (turns ? GemmTiles.TURNS : GemmTiles.ALL)
                .stream()
                        .filter(t -> launch.kernel().endsWith("_bf16_" + t.name()))
                        .findFirst()
                        .orElseThrow();
    }

    @Test
    void gateAndUpAreNeverInTwoTiles() {
        assertThat(new GemmTile(64, 24, 2, 1, 8, 2).takes(2, false)).isTrue();
        assertThat(new GemmTile(64, 24, 2, 1, 8, 2).takes(2, true)).isFalse();
        assertThat(new GemmTile(128, 256, 1, 2, 4, 1).takes(4, false)).isFalse();
        assertThat(new GemmTile(128, 112, 1, 8, 7, 1).takes(4, true)).isTrue();
    }

    @Test
    void aMultiprocessorHoldsAsManyAsATileSays() {
        List<GemmTile> all = new ArrayList<>(GemmTiles.ALL);
        all.addAll(GemmTiles.TURNS);
        for (GemmTile tile : all) {
            // 1 KB of each CTA is the system's.
            assertThat(tile.resident() * (tile.sharedBytes() + 1024))
                    .as(tile.name())
                    .isLessThanOrEqualTo(228 << 10);
        }
        for (GemmTile tile : GemmTiles.HEADS) {
            assertThat(tile.resident() * (tile.headSharedBytes() + 1024))
                    .as(tile.name())
                    .isLessThanOrEqualTo(228 << 10);
        }
        assertThat(new GemmTile(64, 64, 2, 1, 7, 2).sharedBytes()).isEqualTo(7 * (16_384 + 16));
        // Sums of a segment, 136 floats a token, take the stages' place.
        assertThat(new GemmTile(128, 128, 2, 1, 2, 1).sharedBytes())
                .isEqualTo(128 * 136 * 4 + 2 * 16);
    }

    @Test
    void takesTheFastestTilesOfTheLog() {
        assertThat(kernel(256, 28_672, 4096, 1, true)).isEqualTo("gemm_bf16_256x112");
        assertThat(kernel(256, 4096, 14_336, 2, false)).isEqualTo("gemm_bf16_128x128x2");
        assertThat(kernel(64, 4096, 14_336, 2, false)).isEqualTo("gemm_bf16_64x64x2");
        assertThat(kernel(256, 2048, 8192, 4, false)).isEqualTo("gemm_bf16_128x144x4");
        assertThat(kernel(256, 896, 4864, 8, false)).isEqualTo("gemm_bf16_128x128x8");
        assertThat(kernel(64, 9728, 896, 1, true)).isEqualTo("gemm_bf16_64x80");
        assertThat(kernel(64, 151_936, 896, 1, false)).isEqualTo("gemm_bf16_64x80");
        assertThat(kernel(512, 6144, 4096, 1, false)).isEqualTo("gemm_bf16_128x192");
        assertThat(kernel(2048, 4096, 14_336, 2, false)).isEqualTo("gemm_bf16_128x256all2");
    }

    @Test
    void warpgroupsHaveGatedTilesInTurnsWhereThereAreMany() {
        assertThat(kernel(1024, 28_672, 4096, 1, true)).isEqualTo("gemm_turns_bf16_128x176");
        assertThat(kernel(2048, 28_672, 4096, 1, true)).isEqualTo("gemm_turns_bf16_128x176");
        assertThat(kernel(2048, 16_384, 2048, 1, true)).isEqualTo("gemm_turns_bf16_128x160");
        assertThat(kernel(1024, 16_384, 2048, 1, true)).isEqualTo("gemm_bf16_128x256all2");
        assertThat(kernel(2048, 28_672, 4096, 1, false)).startsWith("gemm_bf16_");
        KernelLaunch turns = H200.launch("bf16", 2048, 28_672, 4096, 1, true).orElseThrow();
        assertThat(turns.x()).isEqualTo(MULTIPROCESSORS);
        assertThat(turns.threads()).isEqualTo(384);
        assertThat(turns.sharedBytes()).isEqualTo(5 * ((128 + 176) * 128 + 16));
    }

    @Test
    void aHeadThatDrawsReadsItsWeightOnce() {
        assertThat(head(1)).isEqualTo(head("head_bf16_64x128", 2 * MULTIPROCESSORS, 160));
        assertThat(head(64).kernel()).isEqualTo("head_bf16_64x128");
        assertThat(head(65)).isEqualTo(head("head_bf16_128x128", MULTIPROCESSORS, 288));
        assertThat(head(129)).isEqualTo(head("head_bf16_256x128", MULTIPROCESSORS, 384));
        assertThat(head(300).kernel()).isEqualTo("head_bf16_256x128");
        // One tile.
        assertThat(H200.head("bf16", 17, 97).orElseThrow().x()).isEqualTo(1);
        assertThat(H200.head("f16", 64, 151_936)).isEmpty();
        assertThat(GemmTiles.on(limits(100, 227), MULTIPROCESSORS).head("bf16", 64, 97)).isEmpty();
        assertThat(GemmTiles.none().head("bf16", 64, 97)).isEmpty();
    }

    private static KernelLaunch head(int tokens) {
        return H200.head("bf16", tokens, 151_936).orElseThrow();
    }

    private static KernelLaunch head(String kernel, int ctas, int threads) {
        GemmTile tile =
                GemmTiles.HEADS.stream()
                        .filter(t -> kernel.endsWith("_" + t.name()))
                        .findFirst()
                        .orElseThrow();
        return new KernelLaunch(kernel, ctas, 1, 1, threads, tile.headSharedBytes());
    }

    @Test
    void fewTokensHaveNoWideTile() {
        for (int tokens : new int[] {1, 16, 32, 64}) {
            assertThat(kernel(tokens, 16_384, 2048, 1, true)).startsWith("gemm_bf16_64x");
            assertThat(kernel(tokens, 2048, 8192, 4, false)).isEqualTo("gemm_bf16_64x64x4");
        }
        assertThat(kernel(128, 2048, 8192, 4, false)).isEqualTo("gemm_bf16_128x72x4");
        assertThat(kernel(256, 2048, 8192, 4, false)).isEqualTo("gemm_bf16_128x144x4");
    }

    @Test
    void fewTokensOfASmallWeightHaveNone() {
        assertThat(H200.launch("bf16", 16, 9728, 896, 1, true)).isEmpty();
        assertThat(H200.launch("bf16", 17, 9728, 896, 1, true)).isPresent();
        assertThat(H200.launch("bf16", 1, 4096, 14_336, 2, false)).isPresent();
    }

    @Test
    void onlyHopperHasThem() {
        for (int capability : new int[] {80, 86, 89, 100, 120}) {
            GemmTiles none = GemmTiles.on(limits(capability, 227), MULTIPROCESSORS);
            assertThat(none.launch("bf16", 64, 4096, 4096, 2, false)).isEmpty();
            assertThat(none.partials("bf16")).isZero();
        }
        assertThat(H200.launch("f16", 64, 4096, 4096, 2, false)).isEmpty();
        assertThat(H200.launch("f32", 64, 4096, 4096, 2, false)).isEmpty();
        assertThat(H200.partials("f16")).isZero();
        assertThat(GemmTiles.none().launch("bf16", 64, 4096, 4096, 2, false)).isEmpty();
    }

    @Test
    void ctasOfWideWeightsHaveAMultiprocessorEach() {
        KernelLaunch down = H200.launch("bf16", 64, 4096, 14_336, 2, false).orElseThrow();
        assertThat(down.x() * down.z()).isEqualTo(128);
        assertThat(2 * (down.sharedBytes() + 1024)).isGreaterThan(228 << 10);
        // As many as there is room for, two a multiprocessor.
        KernelLaunch gateUp = H200.launch("bf16", 64, 28_672, 4096, 1, true).orElseThrow();
        assertThat(gateUp.x()).isEqualTo(256);
        assertThat(gateUp.sharedBytes()).isEqualTo(tile(gateUp).sharedBytes());
        // Of a narrow model.
        KernelLaunch narrow = H200.launch("bf16", 64, 2048, 8192, 4, false).orElseThrow();
        assertThat(narrow.sharedBytes()).isEqualTo(tile(narrow).sharedBytes());
    }

    @Test
    void whatDoesNotFitIsLeftOut() {
        GemmTiles little = GemmTiles.on(limits(90, 99), MULTIPROCESSORS);
        for (int segments : new int[] {1, 2, 4, 8}) {
            little.launch("bf16", 256, 4096, 14_336, segments, false)
                    .ifPresent(l -> assertThat(l.sharedBytes()).isLessThanOrEqualTo(99 << 10));
        }
    }
}
