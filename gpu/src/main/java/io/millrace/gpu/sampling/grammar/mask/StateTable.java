package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Edges;
import io.millrace.gpu.sampling.grammar.position.Position;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * The states of a grammar, made when they are reached. Bounded: when it is full all states are
 * forgotten, but for those that are held elsewhere, which go on. One thread at a time.
 */
final class StateTable {
    /** About the bytes of a state without its masks. */
    private static final int STATE_BYTES = 1400;

    /** Most places of one state. */
    private static final int MOST_PLACES = 4096;

    private record Key(long[] places, boolean accepting) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key
                    && accepting == key.accepting
                    && Arrays.equals(places, key.places);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(places);
        }
    }

    private final long mostBytes;
    private final Map<Key, Stack> stacks = new HashMap<>();
    private final Map<Position, Integer> numbers = new IdentityHashMap<>();
    private final Map<Key, State> states = new HashMap<>();
    private long bytes;
    private int stackNumber;
    private int positionNumber;

    // The places of the state that is being made.
    private Position[] positions = new Position[16];
    private Stack[] outers = new Stack[16];
    private int size;
    private boolean accepting;
    private final List<Returns> calls = new ArrayList<>();

    StateTable(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    State start(Position position) {
        clear();
        Stack text = new Stack(new Position[1], new Stack[1], 0);
        enter(position).add(null, text);
        return made();
    }

    private void clear() {
        size = 0;
        accepting = false;
        calls.clear();
    }

    /** The state after a byte. */
    State next(State state, int value) {
        State known = state.next[value];
        if (known != null) {
            return known;
        }
        clear();
        for (int p = 0; p < state.positions.length; p++) {
            Edges edges = state.positions[p].edges();
            for (int i = 0; i < edges.size(); i++) {
                if (edges.first(i) <= value && value <= edges.last(i)) {
                    place(edges.target(i), state.stacks[p]);
                }
            }
        }
        State made = made();
        state.next[value] = made;
        return made;
    }

    /** The state of one place. */
    State of(Position position, Stack stack) {
        clear();
        addPlace(position, stack);
        return made();
    }

    /**
     * A state that allows the same tokens, with places that take up to so many characters as its
     * places do; the state itself where there is no other.
     */
    State like(State state, int characters) {
        boolean same = true;
        for (Position position : state.positions) {
            same &= position.like(characters) == position;
        }
        if (same) {
            return state;
        }
        clear();
        for (int p = 0; p < state.positions.length; p++) {
            addPlace(state.positions[p].like(characters), state.stacks[p]);
        }
        accepting = state.accepting;
        return made();
    }

    /** The state of some of a state's places. */
    State some(State state, Predicate<Position> which) {
        clear();
        for (int p = 0; p < state.positions.length; p++) {
            if (which.test(state.positions[p])) {
                addPlace(state.positions[p], state.stacks[p]);
            }
        }
        return made();
    }

    private void place(Position position, Stack stack) {
        Edges edges = position.edges();
        if (edges.size() > 0) {
            addPlace(position, stack);
        }
        for (int i = 0; i < edges.calls(); i++) {
            // A value that ends where the value around it ends needs no place to go back to.
            Position back = edges.back(i);
            Returns returns = enter(edges.callee(i));
            returns.add(back.edges().isOnlyEnd() ? null : back, stack);
        }
        if (edges.isEnd()) {
            for (int i = 0; i < stack.backs.length; i++) {
                if (stack.backs[i] == null) {
                    accepting = true;
                } else {
                    place(stack.backs[i], stack.outers[i]);
                }
            }
        }
    }

    private Returns enter(Position callee) {
        for (Returns call : calls) {
            if (call.callee == callee) {
                return call;
            }
        }
        Returns fresh = new Returns(callee);
        calls.add(fresh);
        return fresh;
    }

    /** Where a value that is entered goes back to. */
    private final class Returns {
        private final Position callee;
        private final List<Position> backs = new ArrayList<>(2);
        private final List<Stack> outers = new ArrayList<>(2);

        Returns(Position callee) {
            this.callee = callee;
        }

        void add(Position back, Stack outer) {
            if (back == null) {
                for (int i = 0; i < outer.backs.length; i++) {
                    addOne(outer.backs[i], outer.outers[i]);
                }
            } else {
                addOne(back, outer);
            }
        }

        private void addOne(Position back, Stack outer) {
            for (int i = 0; i < backs.size(); i++) {
                if (backs.get(i) == back && outers.get(i) == outer) {
                    return;
                }
            }
            backs.add(back);
            outers.add(outer);
        }

        Stack stack() {
            long[] places = new long[backs.size()];
            for (int i = 0; i < places.length; i++) {
                int back = backs.get(i) == null ? -1 : StateTable.this.number(backs.get(i));
                int outer = outers.get(i) == null ? 0 : outers.get(i).number;
                places[i] = (long) back << 32 | outer;
            }
            Arrays.sort(places);
            return stacks.computeIfAbsent(
                    new Key(places, false),
                    key ->
                            new Stack(
                                    backs.toArray(new Position[0]),
                                    outers.toArray(new Stack[0]),
                                    ++stackNumber));
        }
    }

    private void addPlace(Position position, Stack stack) {
        for (int i = 0; i < size; i++) {
            if (positions[i] == position && outers[i] == stack) {
                return;
            }
        }
        if (size == positions.length) {
            if (size >= MOST_PLACES) {
                throw new IllegalStateException(
                        "a state of the grammar has more than " + MOST_PLACES + " places");
            }
            positions = Arrays.copyOf(positions, 2 * size);
            outers = Arrays.copyOf(outers, 2 * size);
        }
        positions[size] = position;
        outers[size++] = stack;
    }

    private State made() {
        for (int i = 0; i < calls.size(); i++) {
            place(calls.get(i).callee, calls.get(i).stack());
        }
        if (size == 0 && !accepting) {
            return State.DEAD;
        }
        long[] places = new long[size];
        for (int i = 0; i < size; i++) {
            int number = number(positions[i]);
            places[i] = (long) number << 32 | outers[i].number;
        }
        Arrays.sort(places);
        Key key = new Key(places, accepting);
        State known = states.get(key);
        if (known == null) {
            known =
                    new State(
                            Arrays.copyOf(positions, size), Arrays.copyOf(outers, size), accepting);
            spend(STATE_BYTES + 40L * size);
            states.put(key, known);
        }
        return known;
    }

    private int number(Position position) {
        Integer known = numbers.get(position);
        if (known == null) {
            // Never used again, also when all is forgotten: keys of now and then shall not meet.
            known = ++positionNumber;
            numbers.put(position, known);
        }
        return known;
    }

    /** Counts bytes that states hold. */
    void spend(long more) {
        bytes += more;
        if (bytes > mostBytes) {
            states.clear();
            stacks.clear();
            numbers.clear();
            bytes = more;
        }
    }
}
