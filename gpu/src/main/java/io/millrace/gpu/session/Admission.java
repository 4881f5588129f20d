package io.millrace.gpu.session;

import io.millrace.gpu.session.EngineThread.Command;
import java.util.ArrayDeque;
import java.util.function.Predicate;

/**
 * Decides which request the engine takes next: in the order of arrival, except for those that must
 * run alone. These go first, one at a time, while the engine has no other request. Engine thread
 * only.
 */
final class Admission {
    private final ArrayDeque<Command> waiting = new ArrayDeque<>();
    private final ArrayDeque<Command> waitingAlone = new ArrayDeque<>();
    private boolean alone;

    void add(Command request) {
        (request.alone() ? waitingAlone : waiting).add(request);
    }

    /** Removes requests that the engine does not have yet. */
    void removeIf(Predicate<Command> gone) {
        waiting.removeIf(gone);
        waitingAlone.removeIf(gone);
    }

    /**
     * The request that the engine takes now; null for none.
     *
     * @param idle whether the engine has no request
     */
    Command next(boolean idle) {
        if (idle) {
            alone = false;
        }
        if (alone || (!waitingAlone.isEmpty() && !idle)) {
            return null;
        }
        if (!waitingAlone.isEmpty()) {
            alone = true;
            return waitingAlone.poll();
        }
        return waiting.poll();
    }

    /** Whether the engine's request runs alone. */
    boolean isAlone() {
        return alone;
    }
}
