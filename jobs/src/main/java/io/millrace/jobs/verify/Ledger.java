package io.millrace.jobs.verify;

import io.millrace.operators.record.Position;
import io.millrace.schemas.InferenceFailure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Matches requests with answers and dead letters. Answers and dead letters are added first, then
 * the requests.
 *
 * <p>Two requests with one id need two answers. A dead letter belongs to the record at its
 * position; for requests of a file, which have none, to its id.
 */
final class Ledger {
    private static final int SHOWN = 5;

    /** A count, with the first names. */
    static final class Names {
        private long count;
        private final List<String> first = new ArrayList<>();

        private void add(String name) {
            count++;
            if (first.size() < SHOWN) {
                first.add(name);
            }
        }

        long count() {
            return count;
        }

        @Override
        public String toString() {
            return String.join(", ", first) + (count > first.size() ? ", ..." : "");
        }
    }

    /** The account of an id, or of a position of dead letters. */
    private static final class Account {
        /** Whether a request of this id was read, refused or not. */
        private boolean known;

        /** Number of requests without a dead letter. */
        private int asked;

        private int settled;
        private int refusals;
        private String where;
    }

    private final boolean requestsOfFile;
    private final Map<String, Account> byId = new LinkedHashMap<>();
    private final Map<String, Account> refusedByPlace = new LinkedHashMap<>();
    private final TreeMap<String, Integer> deadLetters = new TreeMap<>();
    private final Map<String, Integer> fingerprints = new HashMap<>();
    private final Names unreadableAnswers = new Names();
    private final Names unreadableRequests = new Names();
    private final Names lost = new Names();
    private final Names twice = new Names();
    private final Names unknown = new Names();
    private final Names unmatched = new Names();
    private long answers;
    private long requests;

    Ledger(boolean requestsOfFile) {
        this.requestsOfFile = requestsOfFile;
    }

    void answer(Entry entry, String id, String fingerprint) {
        answers++;
        fingerprints.merge(fingerprint, 1, Integer::sum);
        Account account = account(byId, id, entry.place());
        account.settled++;
    }

    void deadLetter(Entry entry, InferenceFailure failure) {
        deadLetters.merge(failure.getCode(), 1, Integer::sum);
        String id = failure.getId();
        if (!requestsOfFile) {
            String place =
                    new Position.InPartition(failure.getPartition(), failure.getOffset())
                            .in(failure.getTopic());
            account(refusedByPlace, place, entry.place()).refusals++;
        } else if (id != null) {
            account(byId, id, entry.place()).settled++;
        } else {
            unmatched.add(entry.place());
        }
    }

    void unreadableAnswer(Entry entry, String why) {
        unreadableAnswers.add(entry.place() + ": " + why);
    }

    void request(Entry entry, String id) {
        requests++;
        Account account = account(byId, id, entry.place());
        if (!account.known) {
            account.known = true;
            account.where = entry.place();
        }
        if (!takeRefusal(entry, id)) {
            account.asked++;
        }
    }

    /** Adds a record that is no request; on a topic it has a dead letter. */
    void unreadableRequest(Entry entry, String why) {
        unreadableRequests.add(entry.place() + ": " + why);
        if (!entry.isOfFile()) {
            requests++;
            if (!takeRefusal(entry, null)) {
                lost.add(entry.place());
            }
        }
    }

    private boolean takeRefusal(Entry entry, String id) {
        Account refused = refusedByPlace.remove(entry.place());
        if (refused == null) {
            return false;
        }
        for (int i = 1; i < refused.refusals; i++) {
            twice.add(name(id, entry.place()));
        }
        return true;
    }

    /** Computes the result. To be called once. */
    void close() {
        byId.forEach(
                (id, account) -> {
                    int open = account.asked - account.settled;
                    for (int i = 0; i < open; i++) {
                        lost.add(name(id, account.where));
                    }
                    for (int i = 0; i < -open; i++) {
                        (account.known ? twice : unknown).add(name(id, account.where));
                    }
                });
        refusedByPlace.forEach(
                (place, refused) ->
                        unknown.add("a dead letter of " + place + " at " + refused.where));
    }

    private static String name(String id, String where) {
        return id == null ? where : id + " (" + where + ")";
    }

    private static Account account(Map<String, Account> of, String name, String where) {
        Account account = of.computeIfAbsent(name, n -> new Account());
        if (account.where == null) {
            account.where = where;
        }
        return account;
    }

    long answers() {
        return answers;
    }

    long requests() {
        return requests;
    }

    /** Number of dead letters by code. */
    Map<String, Integer> deadLetters() {
        return deadLetters;
    }

    /** Number of answers by fingerprint. */
    Map<String, Integer> fingerprints() {
        return fingerprints;
    }

    /** Requests without an answer and without a dead letter. */
    Names lost() {
        return lost;
    }

    /** Duplicate answers and dead letters. */
    Names twice() {
        return twice;
    }

    /** Answers and dead letters without a request. */
    Names unknown() {
        return unknown;
    }

    /** Dead letters without an id, if requests are of a file. */
    Names unmatched() {
        return unmatched;
    }

    Names unreadableAnswers() {
        return unreadableAnswers;
    }

    Names unreadableRequests() {
        return unreadableRequests;
    }

    boolean isComplete() {
        return lost.count() + twice.count() + unknown.count() + unreadableAnswers.count() == 0;
    }
}
