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
 * The states of a grammar, made when they are reached. Bounded: when it is full all states and
 * positions are forgotten, and those that are held elsewhere go on without what they led to. One
 * thread at a time.
 */
final class StateTable {
    /** About the bytes of a state without its masks. */
    private static final int STATE_BYTES = 1400;

    /** About the bytes of a position that is open, without its edges. */
    private static final int POSITION_BYTES = 200;

    private static final int STACK_BYTES = 160;
    private static final int PLACE_BYTES = 40;

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

    /** The states that hold others or a mask. */
    private final List<State> held = new ArrayList<>();

    /** The positions whose edges are held. */
    private final List<Position> open = new ArrayList<>();

    private int round;
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
        forgetIfFull();
        clear();
        for (int p = 0; p < state.positions.length; p++) {
            Edges edges = edges(state.positions[p]);
            for (int i = 0; i < edges.size(); i++) {
                if (edges.first(i) <= value && value <= edges.last(i)) {
                    place(edges.target(i), state.stacks[p]);
                }
            }
        }
        State made = made();
        hold(state);
        state.next[value] = made;
        return made;
    }

    private Edges edges(Position position) {
        if (!position.isOpen()) {
            open.add(position);
            Edges edges = position.edges();
            bytes += POSITION_BYTES + edges.bytes();
            return edges;
        }
        return position.edges();
    }

    /** A state of this table that leads to others now, or that has a mask. */
    private void hold(State state) {
        if (state.round != round) {
            state.round = round;
            held.add(state);
            bytes += STATE_BYTES;
        }
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
        Edges edges = edges(position);
        if (edges.size() > 0) {
            addPlace(position, stack);
        }
        for (int i = 0; i < edges.calls(); i++) {
            // A value that ends where the value around it ends needs no place to go back to.
            Position back = edges.back(i);
            Returns returns = enter(edges.callee(i));
            returns.add(edges(back).isOnlyEnd() ? null : back, stack);
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
            Key key = new Key(places, false);
            Stack known = stacks.get(key);
            if (known == null) {
                Position[] all = backs.toArray(new Position[0]);
                known = new Stack(all, outers.toArray(new Stack[0]), ++stackNumber);
                stacks.put(key, known);
                bytes += STACK_BYTES + PLACE_BYTES * places.length;
            }
            return known;
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
                throw new GrammarLimitException(
                        "the text may stand at more than %,d places of the grammar at once"
                                .formatted(MOST_PLACES));
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
            states.put(key, known);
            hold(known);
            bytes += PLACE_BYTES * size;
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

    /** Keeps a mask with a state. */
    void keep(State state, int[] few, long[] many, int worst) {
        hold(state);
        state.few = few;
        state.many = many;
        state.worst = worst;
        bytes += few != null ? 4L * few.length : 8L * many.length;
    }

    /** About the bytes that the states hold. */
    long bytes() {
        return bytes;
    }

    private void forgetIfFull() {
        if (bytes <= mostBytes) {
            return;
        }
        held.forEach(State::forget);
        open.forEach(Position::close);
        held.clear();
        open.clear();
        states.clear();
        stacks.clear();
        numbers.clear();
        bytes = 0;
        round++;
    }
}
