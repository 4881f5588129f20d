package io.millrace.operators.corpus.format.openai;

import io.millrace.gpu.common.Sha256;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/** The ids that stand in one file, by 128 bits of their hashes: 32 bytes of heap each at most. */
final class CustomIds {
    private final MessageDigest digest = Sha256.begin();

    /** Pairs; a slot of two zeros is empty. Open addressing, at most half full. */
    private long[] slots = new long[2 << 10];

    private int size;

    int size() {
        return size;
    }

    /** Adds an id; false if it was there. */
    boolean add(String id) {
        ByteBuffer hash = ByteBuffer.wrap(digest.digest(id.getBytes(StandardCharsets.UTF_8)));
        // Never two zeros.
        boolean added = put(slots, hash.getLong() | 1, hash.getLong());
        if (added && ++size > slots.length / 4) {
            grow();
        }
        return added;
    }

    private void grow() {
        long[] larger = new long[slots.length * 2];
        for (int i = 0; i < slots.length; i += 2) {
            if (slots[i] != 0) {
                put(larger, slots[i], slots[i + 1]);
            }
        }
        slots = larger;
    }

    private static boolean put(long[] slots, long first, long second) {
        int mask = slots.length / 2 - 1;
        int at = (int) second & mask;
        while (slots[2 * at] != 0) {
            if (slots[2 * at] == first && slots[2 * at + 1] == second) {
                return false;
            }
            at = (at + 1) & mask;
        }
        slots[2 * at] = first;
        slots[2 * at + 1] = second;
        return true;
    }
}
