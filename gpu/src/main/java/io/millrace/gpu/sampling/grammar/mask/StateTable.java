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

    /**
     * Most places of one state, and most places to go back to of the values that are entered there.
     */
    private static final int MOST_PLACES = 4096;

    /**
     * Most bytes that lead on from all places of one state together: what a walk through a
     * vocabulary takes at each of its bytes. A string of any characters has 150, a name has one.
     */
    private static final int MOST_BRANCHES = 8192;

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
    private final StateBytes.Share share;
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
    private final Places places = new Places();
    private boolean accepting;
    private final Map<Position, Places> calls = new IdentityHashMap<>();
    private final List<Position> callees = new ArrayList<>();
    private int returns;
    private int branches;

    StateTable(long mostBytes) {
        this(mostBytes, new StateBytes(Long.MAX_VALUE));
    }

    /**
     * @param together with the states of other tables
     */
    StateTable(long mostBytes, StateBytes together) {
        this.mostBytes = mostBytes;
        share = together.join(this);
    }

    State start(Position position) {
        clear();
        Stack text = new Stack(new Position[1], new Stack[1], 0);
        enter(position, null, text);
        return made();
    }

    private void clear() {
        places.clear();
        accepting = false;
        if (!callees.isEmpty()) {
            calls.clear();
            callees.clear();
        }
        returns = 0;
        branches = 0;
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
        if (edges.size() > 0 && addPlace(position, stack)) {
            branches += edges.width();
            if (branches > MOST_BRANCHES) {
                throw tooMany(MOST_BRANCHES, "bytes may lead on from the grammar's places");
            }
        }
        for (int i = 0; i < edges.calls(); i++) {
            // A value that ends where the value around it ends needs no place to go back to.
            Position back = edges.back(i);
            if (!edges(back).isOnlyEnd()) {
                enter(edges.callee(i), back, stack);
                continue;
            }
            for (int k = 0; k < stack.backs.length; k++) {
                enter(edges.callee(i), stack.backs[k], stack.outers[k]);
            }
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

    /** Enters a value that goes back to a place. */
    private void enter(Position callee, Position back, Stack outer) {
        Places backs = calls.get(callee);
        if (backs == null) {
            backs = new Places();
            calls.put(callee, backs);
            callees.add(callee);
        }
        if (backs.add(back, outer) && ++returns > MOST_PLACES) {
            throw tooMany(MOST_PLACES, "places of the grammar may come behind a value");
        }
    }

    private Stack stack(Places backs) {
        Key key = new Key(numbers(backs), false);
        Stack known = stacks.get(key);
        if (known == null) {
            known = new Stack(backs.positions(), backs.stacks(), ++stackNumber);
            stacks.put(key, known);
            bytes += STACK_BYTES + PLACE_BYTES * backs.size();
        }
        return known;
    }

    /** Equal sets of places have equal numbers. */
    private long[] numbers(Places all) {
        long[] numbers = new long[all.size()];
        for (int i = 0; i < numbers.length; i++) {
            int position = all.position(i) == null ? -1 : number(all.position(i));
            int stack = all.stack(i) == null ? 0 : all.stack(i).number;
            numbers[i] = (long) position << 32 | stack;
        }
        Arrays.sort(numbers);
        return numbers;
    }

    /** Adds a place; false if it is there. */
    private boolean addPlace(Position position, Stack stack) {
        boolean added = places.add(position, stack);
        if (places.size() > MOST_PLACES) {
            throw tooMany(MOST_PLACES, "places of the grammar are where the text may stand");
        }
        return added;
    }

    private static GrammarLimitException tooMany(int most, String what) {
        return new GrammarLimitException(
                "more than %,d %s at once: too many alternatives begin alike, ask for fewer"
                        .formatted(most, what));
    }

    private State made() {
        // Values that are entered enter others in turn, which are behind them in the list.
        for (int i = 0; i < callees.size(); i++) {
            place(callees.get(i), stack(calls.get(callees.get(i))));
        }
        if (places.size() == 0 && !accepting) {
            return State.DEAD;
        }
        Key key = new Key(numbers(places), accepting);
        State known = states.get(key);
        if (known == null) {
            known = new State(places.positions(), places.stacks(), accepting);
            states.put(key, known);
            hold(known);
            bytes += PLACE_BYTES * places.size();
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
        if (!share.isTooMuch(bytes) && bytes <= mostBytes) {
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
        share.isTooMuch(bytes);
        round++;
    }
}
