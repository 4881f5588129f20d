package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Position;
import java.util.Arrays;

/** A set of configurations in insertion order: positions, each with the stack of open values. */
final class Configurations {
    private static final int INITIAL_SIZE = 16;

    /** Hash slots per configuration. */
    private static final int SLOTS = 4;

    private Position[] positions = new Position[INITIAL_SIZE];
    private Stack[] stacks = new Stack[INITIAL_SIZE];
    private int size;

    /** Hash table of {@link #base} plus index; a free slot has a smaller value. */
    private long[] slots = new long[SLOTS * INITIAL_SIZE];

    private long base = 1;

    void clear() {
        base += size;
        size = 0;
    }

    int size() {
        return size;
    }

    Position position(int index) {
        return positions[index];
    }

    Stack stack(int index) {
        return stacks[index];
    }

    Position[] positions() {
        return Arrays.copyOf(positions, size);
    }

    Stack[] stacks() {
        return Arrays.copyOf(stacks, size);
    }

    /** Adds a configuration; false if it is present. */
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

    /** The slot of a configuration, or the free slot for it. */
    private int slot(Position position, Stack stack) {
        int hash = 31 * System.identityHashCode(position) + System.identityHashCode(stack);
        int mask = slots.length - 1;
        int slot = (hash ^ hash >>> 16) & mask;
        while (slots[slot] >= base) {
            int index = (int) (slots[slot] - base);
            if (positions[index] == position && stacks[index] == stack) {
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
