package io.millrace.gpu.sampling.grammar.mask;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.sampling.grammar.position.Positions;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.sampling.grammar.shape.SchemaLimits;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import io.millrace.gpu.sampling.grammar.token.TokenTrie;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StateTableTest {
    private static final long MOST = 300_000;

    @Test
    void aStateThatIsHeldDoesNotHoldAllThatItLedTo() {
        StateTable table = new StateTable(MOST);
        CompiledSchema any =
                CompiledSchema.of(CompiledSchema.parse("{}"), null, SchemaLimits.DEFAULT);
        Spelling spelling = new Spelling(new TokenTrie(List.of()));
        State start = table.start(new Positions(any, spelling).start());
        State deep = start;
        int most = 0;
        for (int depth = 1; depth <= 5000; depth++) {
            deep = table.next(deep, '[');
            assertThat(table.bytes()).isLessThan(MOST + 20_000);
            most = Math.max(most, depth % 100 == 0 ? reachable(start) : 0);
        }
        // About 2,000 bytes a state.
        assertThat(most).isBetween(20, 300);
        for (int depth = 1; depth <= 5000; depth++) {
            deep = table.next(deep, ']');
        }
        assertThat(deep.accepting).isTrue();
    }

    private static int reachable(State start) {
        Map<State, Boolean> seen = new IdentityHashMap<>();
        List<State> queue = new ArrayList<>(List.of(start));
        while (!queue.isEmpty()) {
            State state = queue.remove(queue.size() - 1);
            if (state != null && state != State.DEAD && seen.put(state, true) == null) {
                queue.addAll(java.util.Arrays.asList(state.next));
            }
        }
        return seen.size();
    }
}
