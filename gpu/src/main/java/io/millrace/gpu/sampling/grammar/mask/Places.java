package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Position;
import java.util.Arrays;

/** A set of places in order of their adding: positions, each with the values around it. */
final class Places {
    private static final int LEAST = 16;

    /** Slots for a place: few of them are taken. */
    private static final int SLOTS = 4;

    private Position[] positions = new Position[LEAST];
    private Stack[] stacks = new Stack[LEAST];
    private int size;

    /** By hash {@link #base} and the index of a place; less where the slot is free. */
    private long[] slots = new long[SLOTS * LEAST];

    private long base = 1;

    void clear() {
        base += size;
        size = 0;
    }

    int size() {
        return size;
    }

    Position position(int place) {
        return positions[place];
    }

    Stack stack(int place) {
        return stacks[place];
    }

    Position[] positions() {
        return Arrays.copyOf(positions, size);
    }

    Stack[] stacks() {
        return Arrays.copyOf(stacks, size);
    }

    /** Adds a place; false if it is there. */
    boolean add(Position position, Stack stack) {
        int slot = slot(position, stack);
        if (slots[slot] >= base) {
            return false;
        }
        if (size == positions.length) {
            grow();
            slot = slot(position, stack);
        }
        positions[size] = position;
        stacks[size] = stack;
        slots[slot] = base + size++;
        return true;
    }

    /** The slot of a place, or the free one where it would be. */
    private int slot(Position position, Stack stack) {
        int hash = 31 * System.identityHashCode(position) + System.identityHashCode(stack);
        int mask = slots.length - 1;
        int slot = (hash ^ hash >>> 16) & mask;
        while (slots[slot] >= base) {
            int place = (int) (slots[slot] - base);
            if (positions[place] == position && stacks[place] == stack) {
                return slot;
            }
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private void grow() {
        positions = Arrays.copyOf(positions, 2 * size);
        stacks = Arrays.copyOf(stacks, 2 * size);
        slots = new long[SLOTS * positions.length];
        for (int i = 0; i < size; i++) {
            slots[slot(positions[i], stacks[i])] = base + i;
        }
    }
}
