package io.millrace.gpu.session;

import io.millrace.gpu.session.EngineThread.Command;
import java.util.ArrayDeque;
import java.util.function.Predicate;

/**
 * Decides which request the engine takes next: each as it comes, but for those that are to run
 * alone. These go first, one at a time, in an engine that has nothing else. Engine thread only.
 */
final class Admission {
    private final ArrayDeque<Command> waiting = new ArrayDeque<>();
    private final ArrayDeque<Command> waitingAlone = new ArrayDeque<>();
    private boolean alone;

    void add(Command request) {
        (request.alone() ? waitingAlone : waiting).add(request);
    }

    /** Forgets requests that the engine does not have yet. */
    void removeIf(Predicate<Command> gone) {
        waiting.removeIf(gone);
        waitingAlone.removeIf(gone);
    }

    /**
     * What the engine shall take now; null for nothing.
     *
     * @param idle whether the engine has nothing to do
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

    /** Whether what the engine has runs alone. */
    boolean isAlone() {
        return alone;
    }
}
