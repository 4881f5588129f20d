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
 * Creates the states of a grammar on demand. Bounded: a full table drops all states and positions;
 * those that matchers reference remain usable and recompute their successors. One thread at a time.
 */
final class StateTable {
    /** Estimated bytes of a state without its mask. */
    private static final int STATE_BYTES = 1400;

    /** Estimated bytes of an open position without its edges. */
    private static final int POSITION_BYTES = 200;

    private static final int STACK_BYTES = 160;
    private static final int CONFIGURATION_BYTES = 40;

    /**
     * Maximum configurations of one state, and maximum return positions of the values entered in
     * it.
     */
    private static final int MAX_CONFIGURATIONS = 4096;

    /**
     * Maximum bytes that may follow the configurations of one state, summed: the work of a walk
     * through a vocabulary at each byte. An unrestricted string has 150, a fixed name has one.
     */
    private static final int MAX_BRANCHES = 8192;

    private record Key(long[] configurations, boolean accepting) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key
                    && accepting == key.accepting
                    && Arrays.equals(configurations, key.configurations);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(configurations);
        }
    }

    private final long maxBytes;
    private final StateBytes.Share share;
    private final Map<Key, Stack> stacks = new HashMap<>();
    private final Map<Position, Integer> numbers = new IdentityHashMap<>();
    private final Map<Key, State> states = new HashMap<>();

    /** States with successors or a mask. */
    private final List<State> held = new ArrayList<>();

    /** Positions whose edges are computed. */
    private final List<Position> open = new ArrayList<>();

    private int round;
    private long bytes;
    private int stackNumber;
    private int positionNumber;

    // The configurations of the state under construction.
    private final Configurations configurations = new Configurations();
    private boolean accepting;
    private final Map<Position, Configurations> calls = new IdentityHashMap<>();
    private final List<Position> callees = new ArrayList<>();
    private int returns;
    private int branches;

    StateTable(long maxBytes) {
        this(maxBytes, new StateBytes(Long.MAX_VALUE));
    }

    /**
     * @param together bound shared with other tables
     */
    StateTable(long maxBytes, StateBytes together) {
        this.maxBytes = maxBytes;
        share = together.join(this);
    }

    State start(Position position) {
        clear();
        Stack text = new Stack(new Position[1], new Stack[1], 0);
        enter(position, null, text);
        return finished();
    }

    private void clear() {
        configurations.clear();
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
                    visit(edges.target(i), state.stacks[p]);
                }
            }
        }
        State made = finished();
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

    /** Counts a state that now has successors or a mask. */
    private void hold(State state) {
        if (state.round != round) {
            state.round = round;
            held.add(state);
            bytes += STATE_BYTES;
        }
    }

    /** The state of one configuration. */
    State of(Position position, Stack stack) {
        clear();
        addConfiguration(position, stack);
        return finished();
    }

    /**
     * A canonical state that allows the same tokens of up to {@code characters} characters; the
     * state itself if there is none.
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
            addConfiguration(state.positions[p].like(characters), state.stacks[p]);
        }
        accepting = state.accepting;
        return finished();
    }

    /** The state of a subset of a state's configurations. */
    State some(State state, Predicate<Position> which) {
        clear();
        for (int p = 0; p < state.positions.length; p++) {
            if (which.test(state.positions[p])) {
                addConfiguration(state.positions[p], state.stacks[p]);
            }
        }
        return finished();
    }

    private void visit(Position position, Stack stack) {
        Edges edges = edges(position);
        if (edges.size() > 0 && addConfiguration(position, stack)) {
            branches += edges.width();
            if (branches > MAX_BRANCHES) {
                throw tooMany(MAX_BRANCHES, "bytes may follow in the grammar's positions");
            }
        }
        for (int i = 0; i < edges.calls(); i++) {
            // Tail call: a value that ends with the value around it returns to that one's caller.
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
                    visit(stack.backs[i], stack.outers[i]);
                }
            }
        }
    }

    /** Enters a value with a return position. */
    private void enter(Position callee, Position back, Stack outer) {
        Configurations backs = calls.get(callee);
        if (backs == null) {
            backs = new Configurations();
            calls.put(callee, backs);
            callees.add(callee);
        }
        if (backs.add(back, outer) && ++returns > MAX_CONFIGURATIONS) {
            throw tooMany(MAX_CONFIGURATIONS, "positions of the grammar may follow a value");
        }
    }

    private Stack stack(Configurations backs) {
        Key key = new Key(numbers(backs), false);
        Stack known = stacks.get(key);
        if (known == null) {
            known = new Stack(backs.positions(), backs.stacks(), ++stackNumber);
            stacks.put(key, known);
            bytes += STACK_BYTES + CONFIGURATION_BYTES * backs.size();
        }
        return known;
    }

    /** A key of a set of configurations, independent of their order. */
    private long[] numbers(Configurations all) {
        long[] numbers = new long[all.size()];
        for (int i = 0; i < numbers.length; i++) {
            int position = all.position(i) == null ? -1 : number(all.position(i));
            int stack = all.stack(i) == null ? 0 : all.stack(i).number;
            numbers[i] = (long) position << 32 | stack;
        }
        Arrays.sort(numbers);
        return numbers;
    }

    /** Adds a configuration; false if it is present. */
    private boolean addConfiguration(Position position, Stack stack) {
        boolean added = configurations.add(position, stack);
        if (configurations.size() > MAX_CONFIGURATIONS) {
            throw tooMany(MAX_CONFIGURATIONS, "positions of the grammar are possible");
        }
        return added;
    }

    private static GrammarLimitException tooMany(int most, String what) {
        return new GrammarLimitException(
                "more than %,d %s at once: too many alternatives begin alike; use fewer"
                        .formatted(most, what));
    }

    private State finished() {
        // Entered values can enter further ones, which are appended to the list.
        for (int i = 0; i < callees.size(); i++) {
            visit(callees.get(i), stack(calls.get(callees.get(i))));
        }
        if (configurations.size() == 0 && !accepting) {
            return State.DEAD;
        }
        Key key = new Key(numbers(configurations), accepting);
        State known = states.get(key);
        if (known == null) {
            known = new State(configurations.positions(), configurations.stacks(), accepting);
            states.put(key, known);
            hold(known);
            bytes += CONFIGURATION_BYTES * configurations.size();
        }
        return known;
    }

    private int number(Position position) {
        Integer known = numbers.get(position);
        if (known == null) {
            // Numbers are never reused, even after the table was emptied, so that keys stay unique.
            known = ++positionNumber;
            numbers.put(position, known);
        }
        return known;
    }

    /** Stores the mask of a state. */
    void keep(State state, int[] few, long[] many, int worst) {
        hold(state);
        state.few = few;
        state.many = many;
        state.worst = worst;
        bytes += few != null ? 4L * few.length : 8L * many.length;
    }

    /** Estimated bytes of states and masks. */
    long bytes() {
        return bytes;
    }

    private void forgetIfFull() {
        if (!share.isTooMuch(bytes) && bytes <= maxBytes) {
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
