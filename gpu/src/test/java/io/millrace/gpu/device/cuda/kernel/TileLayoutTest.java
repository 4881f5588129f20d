package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TileLayoutTest {

    @Test
    void everyElementHasAPlaceOfItsOwn() {
        for (int bytes : new int[] {2, 4}) {
            Set<Long> places = new HashSet<>();
            for (int row = 0; row < 128; row++) {
                for (int k = 0; k < 192; k++) {
                    long at = TileLayout.tileOffset(row, k, 130, bytes);
                    assertThat(at).isBetween(0L, TileLayout.tileBytes(97, 130, bytes) - bytes);
                    assertThat(at % bytes).isZero();
                    assertThat(places.add(at)).isTrue();
                }
            }
        }
    }

    @Test
    void blocksAreRowsOf128BytesWhosePiecesAreSwapped() {
        assertThat(TileLayout.tileOffset(0, 9, 128, 2)).isEqualTo(18);
        assertThat(TileLayout.tileOffset(1, 9, 128, 2)).isEqualTo(128 + 2);
        assertThat(TileLayout.tileOffset(3, 64, 128, 2)).isEqualTo(8192 + 3 * 128 + 3 * 16);
        assertThat(TileLayout.tileOffset(64, 0, 128, 2)).isEqualTo(2 * 8192);
        assertThat(TileLayout.tileOffset(64, 0, 128, 4)).isEqualTo(4 * 8192);
    }

    @Test
    void gateAndUpAlternateByEightRows() {
        assertThat(TileLayout.gatedRow(7, false)).isEqualTo(7);
        assertThat(TileLayout.gatedRow(0, true)).isEqualTo(8);
        assertThat(TileLayout.gatedRow(8, false)).isEqualTo(16);
        assertThat(TileLayout.gatedRow(54, true)).isEqualTo(110);
        assertThat(TileLayout.gatedRows(54)).isEqualTo(112);
    }

    @Test
    void blocksOfTheCacheHoldPaddedHeads() {
        assertThat(TileLayout.kvBlockBytes(2, 64, 16, 2)).isEqualTo(2 * 2 * 64 * 2 * 16);
        assertThat(TileLayout.kvBlockBytes(2, 72, 16, 2)).isEqualTo(2 * 2 * 128 * 2 * 16);
        assertThatThrownBy(() -> TileLayout.kvBlockBytes(2, 64, 17, 2))
                .hasMessageContaining("blockSize is 17");
        assertThatThrownBy(() -> TileLayout.paddedHead(256)).hasMessageContaining("256 elements");
    }
}
