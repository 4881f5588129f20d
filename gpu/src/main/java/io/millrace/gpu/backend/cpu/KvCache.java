package io.millrace.gpu.backend.cpu;

import io.millrace.gpu.backend.AttentionShape;

/**
 * Keys and values of all layers, in blocks.
 *
 * <pre>
 * key block     [kv head][position / 16][element][position % 16]    scores of 16 positions at once
 * value block   [kv head][element / 16][position][element % 16]     16 elements of an output at once
 * </pre>
 *
 * Block 0 is never handed out. What a block held before is never read: attention stops at the row's
 * own position.
 */
final class KvCache {
    /** Width of a row of either layout. */
    static final int WIDTH = 16;

    final int blocks;
    final int blockSize;

    /** (layers)(blocks, kv heads, position groups, headSize, 16) */
    final float[][] keys;

    /** (layers)(blocks, kv heads, element groups, blockSize, 16) */
    final float[][] values;

    /** Floats of one kv head in a key block. */
    final int keyHead;

    /** Floats of one kv head in a value block. */
    final int valueHead;

    private final AttentionShape shape;

    KvCache(AttentionShape shape, int blocks, int blockSize) {
        this.shape = shape;
        this.blocks = blocks;
        this.blockSize = blockSize;
        keyHead = groups(blockSize) * WIDTH * shape.headSize();
        valueHead = groups(shape.headSize()) * WIDTH * blockSize;
        keys = new float[shape.layers()][blocks * shape.kvHeads() * keyHead];
        values = new float[shape.layers()][blocks * shape.kvHeads() * valueHead];
    }

    private static int groups(int n) {
        return (n + WIDTH - 1) / WIDTH;
    }

    /** Bytes of one block in all layers. */
    static long blockBytes(AttentionShape shape, int blockSize) {
        long keyHead = (long) groups(blockSize) * WIDTH * shape.headSize();
        long valueHead = (long) groups(shape.headSize()) * WIDTH * blockSize;
        return shape.layers() * (long) shape.kvHeads() * (keyHead + valueHead) * Float.BYTES;
    }

    /** Most blocks whose arrays Java can index. */
    static int mostBlocks(AttentionShape shape, int blockSize) {
        long head =
                Math.max(
                        groups(blockSize) * WIDTH * (long) shape.headSize(),
                        groups(shape.headSize()) * WIDTH * (long) blockSize);
        return (int) ((Integer.MAX_VALUE - 16) / (shape.kvHeads() * head));
    }

    /** Where a kv head begins in a block of keys. */
    int keyOffset(int block, int kvHead) {
        return (block * shape.kvHeads() + kvHead) * keyHead;
    }

    /** Where a kv head begins in a block of values. */
    int valueOffset(int block, int kvHead) {
        return (block * shape.kvHeads() + kvHead) * valueHead;
    }

    /** Stores one head's key and value of a position within a block. */
    void store(int layer, int block, int kvHead, int at, float[] k, int ko, float[] v, int vo) {
        int size = shape.headSize();
        float[] key = keys[layer];
        int keyAt = keyOffset(block, kvHead) + at / WIDTH * WIDTH * size + at % WIDTH;
        for (int i = 0; i < size; i++) {
            key[keyAt + i * WIDTH] = k[ko + i];
        }
        float[] value = values[layer];
        int valueAt = valueOffset(block, kvHead) + at * WIDTH;
        for (int i = 0; i < size; i++) {
            value[valueAt + i / WIDTH * WIDTH * blockSize + i % WIDTH] = v[vo + i];
        }
    }
}
