package io.millrace.gpu.session;

import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.session.EngineThread.Command;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The requests of all sessions: those that wait for the engine, and whom those belong to that it
 * has. Puts what the engine says of them into the sessions' outboxes. Engine thread only, but for
 * {@link #reportFault}.
 */
final class SessionRequests implements StepListener {
    /** Whom a handle of the engine belongs to. */
    private record Owner(EngineSession session, long ticket, long handle, Object tag) {}

    /** The watchdog reads it. */
    private final Map<Long, Owner> byHandle = new ConcurrentHashMap<>();

    private final Admission admission = new Admission();
    private final Map<Long, Owner> byTicket = new HashMap<>();
    private final Set<EngineSession> withEvents = new HashSet<>();

    /** Executes a command of another thread: add a request, cancel it, or close its session. */
    void execute(Engine engine, Command command) {
        EngineSession session = command.session();
        if (command.request() != null) {
            admission.add(command);
        } else if (command.ticket() != 0) {
            admission.removeIf(waiting -> waiting.ticket() == command.ticket());
            Owner owner = byTicket.remove(command.ticket());
            if (owner != null) {
                byHandle.remove(owner.handle());
                engine.cancel(owner.handle());
            }
        } else {
            withEvents.remove(session);
            admission.removeIf(waiting -> waiting.session() == session);
            byTicket.values()
                    .removeIf(
                            owner -> {
                                boolean gone = owner.session() == session;
                                if (gone) {
                                    byHandle.remove(owner.handle());
                                    engine.cancel(owner.handle());
                                }
                                return gone;
                            });
        }
    }

    /** Gives the engine what it may take now. */
    void admit(Engine engine) {
        Command command;
        while ((command = admission.next(!engine.hasWork())) != null) {
            EngineSession session = command.session();
            try {
                long handle = engine.add(command.request());
                Owner owner = new Owner(session, command.ticket(), handle, command.tag());
                byHandle.put(handle, owner);
                byTicket.put(command.ticket(), owner);
                session.add(Outbox.ADMITTED, command.ticket(), 0, now(), null);
            } catch (RequestRejectedException e) {
                session.add(Outbox.FAILED, command.ticket(), 0, now(), session.said(e));
                withEvents.add(session);
            } catch (RuntimeException e) {
                session.add(Outbox.FAILED, command.ticket(), 0, now(), e);
                withEvents.add(session);
            }
        }
    }

    /** Wakes each session with events since the last call. */
    void wakeSessions() {
        for (EngineSession session : withEvents) {
            session.wake();
        }
        withEvents.clear();
    }

    @Override
    public void onToken(long handle, int completion, int tokenId) {
        Owner owner = byHandle.get(handle);
        owner.session().add(completion, owner.ticket(), tokenId, now(), null);
        withEvents.add(owner.session());
    }

    @Override
    public void onFinished(long handle, GenerationResult result) {
        Owner owner = byHandle.remove(handle);
        byTicket.remove(owner.ticket());
        owner.session().add(Outbox.FINISHED, owner.ticket(), 0, now(), result);
        withEvents.add(owner.session());
    }

    @Override
    public void onFailed(long handle, String reason) {
        Owner owner = byHandle.remove(handle);
        byTicket.remove(owner.ticket());
        owner.session()
                .add(Outbox.FAILED, owner.ticket(), 0, now(), new IllegalStateException(reason));
        withEvents.add(owner.session());
    }

    private static long now() {
        return System.currentTimeMillis();
    }

    /**
     * Tells each session which of its requests may have brought the engine down. Engine thread, or
     * the watchdog where that thread is stuck in its step.
     */
    void reportFault(Engine engine, Throwable cause) {
        Collection<Owner> suspects = new ArrayList<>();
        for (long handle : engine.requestsInStep()) {
            Owner owner = byHandle.get(handle);
            if (owner != null) {
                suspects.add(owner);
            }
        }
        if (suspects.isEmpty()) {
            suspects = byHandle.values();
        }
        boolean alone = suspects.size() == 1 && admission.isAlone();
        Map<EngineSession, List<Object>> tags = new LinkedHashMap<>();
        for (Owner owner : suspects) {
            tags.computeIfAbsent(owner.session(), session -> new ArrayList<>()).add(owner.tag());
        }
        tags.forEach((session, its) -> session.reportFault(its, alone, cause));
    }
}
