package io.millrace.gpu.device.cpu;

import io.millrace.gpu.device.AttentionShape;

/**
 * Keys and values of all layers, in blocks.
 *
 * <pre>
 * block         [layer][key block, value block]
 * key block     [kv head][position / 16][element][position % 16]    scores of 16 positions at once
 * value block   [kv head][element / 16][position][element % 16]     16 elements of an output at once
 * </pre>
 *
 * Several blocks share an array, which is allocated when the first of them is written: the JVM
 * clears an array when it is allocated, and for the whole cache that would take longer than to load
 * most models. Low blocks are allocated first. Old contents of a block are never read, because
 * attention ends at the row's own position.
 */
final class KvCache {
    /** Positions of a row of keys, elements of a row of values. */
    static final int WIDTH = 16;

    /** Approximate size of an array: much more than a heap region, a small part of a cache. */
    private static final long ARRAY_BYTES = 32 << 20;

    final int blocks;
    final int blockSize;

    /** Floats of a block in all layers. */
    final int blockFloats;

    private final int keyHead;
    private final int valueHead;
    private final int keyBlock;
    private final int layer;
    private final int perArray;
    private final float[][] arrays;
    private final int headSize;

    /**
     * @param blocks number of blocks, block 0 included, which is never allocated
     */
    KvCache(AttentionShape shape, int blocks, int blockSize) {
        this.blocks = blocks;
        this.blockSize = blockSize;
        headSize = shape.headSize();
        keyHead = groups(blockSize) * WIDTH * headSize;
        valueHead = groups(headSize) * WIDTH * blockSize;
        keyBlock = shape.kvHeads() * keyHead;
        layer = keyBlock + shape.kvHeads() * valueHead;
        blockFloats = shape.layers() * layer;
        perArray = (int) Math.max(1, ARRAY_BYTES / Float.BYTES / blockFloats);
        arrays = new float[(blocks + perArray - 1) / perArray][];
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

    /** Allocates memory for a block that will be written, unless it has some. */
    void back(int block) {
        int at = block / perArray;
        if (arrays[at] == null) {
            int count = Math.min(perArray, blocks - at * perArray);
            arrays[at] = new float[count * blockFloats];
        }
    }

    /** The array that holds a block. */
    float[] array(int block) {
        return arrays[block / perArray];
    }

    /** Index of a block in its array. */
    int offset(int block) {
        return block % perArray * blockFloats;
    }

    /** Index of a layer's keys of a kv head in the block's array. */
    int keyOffset(int layerIndex, int block, int kvHead) {
        return offset(block) + layerIndex * layer + kvHead * keyHead;
    }

    /** Index of a layer's values of a kv head in the block's array. */
    int valueOffset(int layerIndex, int block, int kvHead) {
        return offset(block) + layerIndex * layer + keyBlock + kvHead * valueHead;
    }

    /** Stores one head's key and value of a position within a block. */
    void store(int layerIndex, int block, int kvHead, int at, float[] x, int k, int v) {
        float[] to = array(block);
        int key = keyOffset(layerIndex, block, kvHead) + at / WIDTH * WIDTH * headSize + at % WIDTH;
        for (int i = 0; i < headSize; i++) {
            to[key + i * WIDTH] = x[k + i];
        }
        int value = valueOffset(layerIndex, block, kvHead) + at * WIDTH;
        for (int i = 0; i < headSize; i++) {
            to[value + i / WIDTH * WIDTH * blockSize + i % WIDTH] = x[v + i];
        }
    }
}
