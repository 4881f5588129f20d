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
 * Decides what becomes of requests that the engine had when it failed: each runs alone, and one
 * that has failed alone too often does not run again. Mailbox thread only, but for {@link
 * #onFault}.
 *
 * <pre>
 *   fails with others ──> runs alone ──> answered: it was another's fault
 *                            │  ^
 *                            └──┘ fails alone, up to the most attempts ──> dead letter
 * </pre>
 *
 * What left is taken out of the journal once a checkpoint knows that it has: until then a restore
 * would bring the request back.
 */
public final class Quarantine {
    private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);
    private static final Duration LONGEST = Duration.ofDays(7);

    private final SuspectJournal journal;
    private final int maxAttempts;

    /** Empty in a healthy job, which is what makes the questions cheap. */
    private final Map<String, Suspect> suspects = new HashMap<>();

    /** What left since the last snapshot, and what had left by each of those not complete yet. */
    private final List<String> left = new ArrayList<>();

    private final TreeMap<Long, List<String>> leftByCheckpoint = new TreeMap<>();

    public Quarantine(FaultOptions options) {
        this.journal = SuspectJournal.open(options.journal());
        this.maxAttempts = options.maxAttempts();
    }

    /**
     * Takes in what the journal knows.
     *
     * @param cleans whether this subtask, of all, keeps the journal small
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

    /** Whether this request must have the engine for itself. */
    public boolean mustRunAlone(Origin origin) {
        return !suspects.isEmpty() && suspects.containsKey(SuspectJournal.key(origin));
    }

    /** Why this request must not run again, or null. */
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

    /** The outcome of a request has left. */
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

    /** What left before this checkpoint never comes back. */
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

    /** The engine failed: engine thread or its watchdog. */
    public void onFault(List<Object> tags, boolean alone, Throwable cause) {
        List<Origin> origins = new ArrayList<>(tags.size());
        for (Object tag : tags) {
            origins.add((Origin) tag);
        }
        LOG.warn("The engine failed in a step with {}", origins);
        journal.write(origins, alone, cause);
    }
}
