package io.millrace.operators.fault;

import io.millrace.operators.fault.SuspectJournal.Suspect;
import io.millrace.operators.options.FaultOptions;
import io.millrace.operators.record.Origin;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Isolates requests that were in the engine when it failed: each runs alone, and one that has
 * failed alone too often becomes a dead letter. Mailbox thread only, but for {@link #onFault}.
 *
 * <pre>
 *   fails with others ──> runs alone ──> answered: another request was the cause
 *                            │  ^
 *                            └──┘ fails alone, up to the most attempts ──> dead letter
 * </pre>
 *
 * A request is removed from the journal once a checkpoint without it is complete: until then a
 * restore would bring it back.
 */
public final class Quarantine {
    private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);
    private static final Duration LONGEST = Duration.ofDays(7);

    private final SuspectJournal journal;
    private final int maxAttempts;

    /** Empty in a healthy job, so that lookups are cheap. */
    private final Map<String, Suspect> suspects = new HashMap<>();

    /**
     * Requests done since the last snapshot, and those done before each snapshot that is not
     * complete yet.
     */
    private final List<String> left = new ArrayList<>();

    private final TreeMap<Long, List<String>> leftByCheckpoint = new TreeMap<>();

    public Quarantine(FaultOptions options) {
        this.journal = SuspectJournal.open(options.journal());
        this.maxAttempts = options.maxAttempts();
    }

    /**
     * Reads the journal.
     *
     * @param cleans whether this subtask prunes the journal; one of all does
     */
    public void load(boolean cleans) {
        try {
            if (cleans) {
                journal.prune(System.currentTimeMillis() - LONGEST.toMillis());
            }
            suspects.putAll(journal.read());
        } catch (IOException e) {
            LOG.warn("The journal of suspects is not readable; what is in it counts as new", e);
        }
        if (!suspects.isEmpty()) {
            LOG.warn(
                    "{} requests were in a step that failed: each of them runs alone now",
                    suspects.size());
        }
    }

    /** Whether this request must run alone. */
    public boolean mustRunAlone(Origin origin) {
        return !suspects.isEmpty() && suspects.containsKey(SuspectJournal.key(origin));
    }

    /** The reason why this request must not run again, or null. */
    public String condemns(Origin origin) {
        Suspect suspect = suspects.isEmpty() ? null : suspects.get(SuspectJournal.key(origin));
        if (suspect == null || suspect.alone() < maxAttempts) {
            return null;
        }
        return "The engine failed "
                + suspect.alone()
                + (suspect.alone() == 1 ? " time" : " times")
                + " while it ran this request and nothing else; the last time at "
                + journal.text(suspect);
    }

    /** Notes that the outcome of a request was emitted. */
    public void onLeft(Origin origin) {
        if (!suspects.isEmpty()) {
            String key = SuspectJournal.key(origin);
            if (suspects.containsKey(key)) {
                left.add(key);
            }
        }
    }

    public void onSnapshot(long checkpoint) {
        if (!left.isEmpty()) {
            leftByCheckpoint.put(checkpoint, List.copyOf(left));
            left.clear();
        }
    }

    /**
     * Forgets requests whose outcomes were emitted before this checkpoint: a restore cannot bring
     * them back.
     */
    public void onCheckpointComplete(long checkpoint) {
        if (leftByCheckpoint.isEmpty()) {
            return;
        }
        Map<Long, List<String>> complete = leftByCheckpoint.headMap(checkpoint, true);
        for (List<String> keys : complete.values()) {
            for (String key : keys) {
                Suspect suspect = suspects.remove(key);
                try {
                    journal.forget(suspect);
                } catch (IOException e) {
                    LOG.warn("{} stays in the journal of suspects until it is too old", suspect, e);
                }
            }
        }
        complete.clear();
    }

    /** The engine failed. Engine thread or watchdog. */
    public void onFault(List<Object> tags, boolean alone, Throwable cause) {
        List<Origin> origins = new ArrayList<>(tags.size());
        for (Object tag : tags) {
            origins.add((Origin) tag);
        }
        LOG.warn("The engine failed in a step with {}", origins);
        journal.write(origins, alone, cause);
    }
}
