package io.millrace.jobs.verify;

import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Samples the answers that are computed again: those with the lowest hashes of seed and id, so that
 * the sample depends on neither order nor partitions. Keeps only the sample.
 *
 * <p>Ids need not be unique: all requests and answers of a sampled id are kept together.
 */
final class Sample {
    private record Key(long hash, String id) {}

    private static final Comparator<Key> LOWEST =
            Comparator.comparingLong(Key::hash).thenComparing(Key::id);

    /** A committed answer. */
    record Answer(Entry entry, InferenceResult result) {}

    /** A request, with its number in order. */
    record Question(int number, Entry entry, InferenceRequest request) {}

    /** All requests and answers of one id. */
    static final class Group {
        private final List<Answer> answers = new ArrayList<>();
        private final List<Question> questions = new ArrayList<>();

        List<Answer> answers() {
            return answers;
        }

        List<Question> questions() {
            return questions;
        }
    }

    private final int size;
    private final long seed;
    private final TreeMap<Key, Group> drawn = new TreeMap<>(LOWEST);
    private final Map<String, Group> byId = new HashMap<>();
    private int questions;

    /**
     * @param size maximum ids; 0 for all
     */
    Sample(int size, long seed) {
        this.size = size == 0 ? Integer.MAX_VALUE : size;
        this.seed = seed;
    }

    /** Adds an answer. All answers are added before requests. */
    void add(Entry entry, InferenceResult result) {
        Answer answer = new Answer(entry, result);
        Group there = byId.get(result.getId());
        if (there != null) {
            there.answers.add(answer);
            return;
        }
        Key key = new Key(hash(result.getId()), result.getId());
        if (drawn.size() == size) {
            // An excluded id stays excluded: the highest hash only decreases.
            if (LOWEST.compare(key, drawn.lastKey()) > 0) {
                return;
            }
            byId.remove(drawn.pollLastEntry().getKey().id());
        }
        Group group = new Group();
        group.answers.add(answer);
        drawn.put(key, group);
        byId.put(key.id(), group);
    }

    /** Adds a request; one that is not sampled is ignored. */
    void add(Entry entry, InferenceRequest request) {
        Group group = byId.get(request.getId());
        if (group != null) {
            group.questions.add(new Question(questions++, entry, request));
        }
    }

    /** One group per id. */
    Collection<Group> groups() {
        return drawn.values();
    }

    /** FNV-1a over the seed and the id's UTF-8, then the mixer of SplitMix64. */
    private long hash(String id) {
        long h = 0xcbf29ce484222325L ^ seed * 0x9e3779b97f4a7c15L;
        for (byte b : id.getBytes(StandardCharsets.UTF_8)) {
            h = (h ^ (b & 0xff)) * 0x100000001b3L;
        }
        h = (h ^ h >>> 30) * 0xbf58476d1ce4e5b9L;
        h = (h ^ h >>> 27) * 0x94d049bb133111ebL;
        return h ^ h >>> 31;
    }
}
