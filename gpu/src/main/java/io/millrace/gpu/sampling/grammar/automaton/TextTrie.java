package io.millrace.gpu.sampling.grammar.automaton;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Builds the minimal automaton of a list of texts by merging equal suffixes. */
final class TextTrie {
    private static final class Node {
        final TreeMap<Integer, Node> next = new TreeMap<>();
        boolean end;
    }

    private record Row(boolean end, List<Integer> edges) {}

    private record Open(Node node, List<Integer> edges, Iterator<Map.Entry<Integer, Node>> rest) {}

    private final Node root = new Node();
    private final Map<Row, Integer> known = new HashMap<>();
    private final List<Row> rows = new ArrayList<>();

    TextTrie(List<String> texts) {
        for (String text : texts) {
            Node node = root;
            for (int i = 0; i < text.length(); ) {
                int c = text.codePointAt(i);
                node = node.next.computeIfAbsent(c, any -> new Node());
                i += Character.charCount(c);
            }
            node.end = true;
        }
    }

    CharDfa build() {
        number();
        int count = rows.size();
        int[][] starts = new int[count][];
        int[][] targets = new int[count][];
        boolean[] accepting = new boolean[count];
        for (int i = 0; i < count; i++) {
            // States are numbered in reverse: the root comes last and is state 0.
            Row row = rows.get(count - 1 - i);
            accepting[i] = row.end;
            fill(row.edges, i, starts, targets);
        }
        return new CharDfa(starts, targets, accepting);
    }

    private void fill(List<Integer> edges, int state, int[][] starts, int[][] targets) {
        List<Integer> from = new ArrayList<>(List.of(0));
        List<Integer> to = new ArrayList<>(List.of(CharDfa.DEAD));
        for (int i = 0; i < edges.size(); i += 2) {
            int c = edges.get(i);
            int last = from.size() - 1;
            if (from.get(last) == c) {
                from.remove(last);
                to.remove(last);
            }
            from.add(c);
            to.add(rows.size() - 1 - edges.get(i + 1));
            from.add(c + 1);
            to.add(CharDfa.DEAD);
        }
        starts[state] = from.stream().mapToInt(Integer::intValue).toArray();
        targets[state] = to.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Numbers the nodes bottom-up; without recursion, because texts can be long. */
    private void number() {
        List<Open> stack = new ArrayList<>();
        stack.add(new Open(root, new ArrayList<>(), root.next.entrySet().iterator()));
        while (true) {
            Open top = stack.get(stack.size() - 1);
            if (top.rest.hasNext()) {
                Map.Entry<Integer, Node> next = top.rest.next();
                top.edges.add(next.getKey());
                Node node = next.getValue();
                stack.add(new Open(node, new ArrayList<>(), node.next.entrySet().iterator()));
                continue;
            }
            stack.remove(stack.size() - 1);
            Row row = new Row(top.node.end, top.edges);
            if (stack.isEmpty()) {
                rows.add(row);
                return;
            }
            Integer number = known.putIfAbsent(row, rows.size());
            if (number == null) {
                number = rows.size();
                rows.add(row);
            }
            stack.get(stack.size() - 1).edges.add(number);
        }
    }
}
