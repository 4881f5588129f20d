package io.millrace.gpu.sampling.grammar.token;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * A trie of byte strings with values, in preorder: node 0 is the root, a node's children follow it,
 * and its next sibling follows its subtree.
 */
public final class TokenTrie {
    private static final int[] NONE = {};

    /** A byte string and its value. */
    public record Entry(byte[] bytes, int value) {}

    /** The byte that leads to a node. */
    public final byte[] labels;

    /** The first node after a node's subtree. */
    public final int[] ends;

    /** Bytes from the root to a node. */
    public final short[] depths;

    /** The values of a node's byte string. */
    public final int[][] values;

    /** Bytes of the longest string. */
    public final int deepest;

    private int size;

    /** The child of the root for each byte; -1 for none. */
    private final int[] roots = new int[256];

    public TokenTrie(List<Entry> entries) {
        List<Entry> sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.comparing(Entry::bytes, Arrays::compareUnsigned));
        int most = 1 + sorted.stream().mapToInt(e -> e.bytes.length).sum();
        byte[] allLabels = new byte[most];
        short[] allDepths = new short[most];
        int[][] allValues = new int[most][];
        Arrays.fill(allValues, NONE);
        size = 1;
        int longest = 0;
        byte[] before = new byte[0];
        int node = 0;
        for (Entry entry : sorted) {
            byte[] bytes = entry.bytes;
            int same = Arrays.mismatch(before, bytes);
            same = same < 0 ? bytes.length : same;
            for (int i = same; i < bytes.length; i++) {
                node = size++;
                allLabels[node] = bytes[i];
                allDepths[node] = (short) (i + 1);
            }
            int[] values = Arrays.copyOf(allValues[node], allValues[node].length + 1);
            values[values.length - 1] = entry.value;
            allValues[node] = values;
            longest = Math.max(longest, bytes.length);
            before = bytes;
        }
        labels = Arrays.copyOf(allLabels, size);
        depths = Arrays.copyOf(allDepths, size);
        values = Arrays.copyOf(allValues, size);
        deepest = longest;
        ends = ends();
        Arrays.fill(roots, -1);
        for (int at = 1; at < size; at = ends[at]) {
            roots[labels[at] & 0xFF] = at;
        }
    }

    /** The node that a byte leads to from a node; -1 for none. */
    public int child(int node, byte label) {
        if (node == 0) {
            return roots[label & 0xFF];
        }
        for (int at = node + 1; at < ends[node]; at = ends[at]) {
            if (labels[at] == label) {
                return at;
            }
        }
        return -1;
    }

    /** Whether a byte string ends at a node. */
    public boolean has(int node) {
        return values[node].length > 0;
    }

    private int[] ends() {
        int[] all = new int[size];
        int[] open = new int[deepest + 1];
        int top = 0;
        for (int node = 1; node < size; node++) {
            int depth = depths[node];
            for (; top >= depth; top--) {
                all[open[top]] = node;
            }
            top = depth;
            open[top] = node;
        }
        for (; top >= 0; top--) {
            all[open[top]] = size;
        }
        return all;
    }

    /** Number of nodes. */
    public int size() {
        return size;
    }
}
