package io.millrace.jobs.verify;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.operators.request.RequestMapper;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.WireFormat;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Computes a sample again, in each way, and compares it with the committed answers. One thread. */
final class Comparison {
    /**
     * A difference.
     *
     * @param number number of the request, in order
     * @param name the request's id and position
     * @param what description of the difference
     * @param ways the ways with this difference
     */
    record Finding(int number, String name, String what, Set<Way> ways) {}

    /** The result of one way: number of equal answers, and time. */
    record Seen(int equal, double seconds) {}

    /** Listener for each completed way. */
    interface Listener {
        void onWay(Way way, Seen seen, int of);
    }

    /**
     * A request with its index in the lists of results; -1 and the refusal if it is refused here.
     */
    private record Asked(Sample.Question question, int index, String refusal) {}

    private record Pair(Asked asked, Sample.Answer answer) {}

    private final Recomputation engine;
    private final RecordCodec<InferenceResult> json =
            RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
    private final RecordCodec<InferenceResult> avro =
            RecordCodec.open(RecordType.RESULT, FormatSettings.AVRO, null);
    private final WireFormat format;
    private final List<Finding> findings = new ArrayList<>();
    private int compared;

    /**
     * @param format of the topic with answers; files are JSON
     */
    Comparison(Recomputation engine, WireFormat format) {
        this.engine = engine;
        this.format = format;
    }

    /** Compares all answers of the sample. */
    void run(Sample sample, long seed, Listener listener)
            throws IOException, InterruptedException, RequestRejectedException {
        List<Sample.Question> questions =
                sample.groups().stream()
                        .flatMap(group -> group.questions().stream())
                        .sorted(Comparator.comparingInt(Sample.Question::number))
                        .toList();
        List<GenerationRequest> requests = new ArrayList<>();
        Map<Sample.Question, Asked> asked = prepare(questions, requests);
        List<Pair> pairs = null;
        Map<Pair, EnumMap<Way, String>> differences = new LinkedHashMap<>();
        for (Way way : Way.values()) {
            long start = System.nanoTime();
            List<GenerationResult> results = engine.run(way, requests, seed);
            if (pairs == null) {
                pairs = pair(sample, asked, results);
            }
            int equal = 0;
            for (Pair pair : pairs) {
                String difference = difference(pair, results);
                if (difference == null) {
                    equal++;
                } else {
                    differences
                            .computeIfAbsent(pair, p -> new EnumMap<>(Way.class))
                            .put(way, difference);
                }
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            listener.onWay(way, new Seen(equal, seconds), pairs.size());
        }
        compared = pairs.size();
        differences.forEach(this::tell);
        findings.sort(Comparator.comparingInt(Finding::number));
    }

    private Map<Sample.Question, Asked> prepare(
            List<Sample.Question> questions, List<GenerationRequest> requests) {
        Map<Sample.Question, Asked> all = new LinkedHashMap<>();
        for (Sample.Question question : questions) {
            try {
                requests.add(engine.prepare(question));
                all.put(question, new Asked(question, requests.size() - 1, null));
            } catch (RequestRejectedException e) {
                all.put(question, new Asked(question, -1, e.getMessage()));
            }
        }
        return all;
    }

    /**
     * Pairs answers with requests. If an id was used more than once, equal bytes are paired first,
     * then the rest in order.
     */
    private List<Pair> pair(
            Sample sample, Map<Sample.Question, Asked> asked, List<GenerationResult> results) {
        List<Pair> pairs = new ArrayList<>();
        for (Sample.Group group : sample.groups()) {
            List<Asked> open = new ArrayList<>(group.questions().stream().map(asked::get).toList());
            if (open.isEmpty()) {
                continue;
            }
            Asked any = open.get(0);
            List<Sample.Answer> unlike = new ArrayList<>();
            for (Sample.Answer answer : group.answers()) {
                Asked like =
                        open.stream()
                                .filter(a -> difference(new Pair(a, answer), results) == null)
                                .findFirst()
                                .orElse(null);
                if (like == null) {
                    unlike.add(answer);
                } else {
                    open.remove(like);
                    pairs.add(new Pair(like, answer));
                }
            }
            for (Sample.Answer answer : unlike) {
                pairs.add(new Pair(open.isEmpty() ? any : open.remove(0), answer));
            }
        }
        return pairs;
    }

    /** The difference of a pair; null if there is none. */
    private String difference(Pair pair, List<GenerationResult> results) {
        Asked asked = pair.asked();
        if (asked.refusal() != null) {
            return "it is answered, but cannot be here: " + asked.refusal();
        }
        Entry question = asked.question().entry();
        Entry answer = pair.answer().entry();
        if (!question.isOfFile()
                && !answer.isOfFile()
                && !Arrays.equals(question.key(), answer.key())) {
            return "the answer's key is not the request's";
        }
        InferenceResult committed = pair.answer().result();
        InferenceResult here =
                RequestMapper.result(
                        asked.question().request(),
                        results.get(asked.index()),
                        engine.model(),
                        engine.reader(),
                        List.of());
        byte[] left = answer.value();
        byte[] right;
        if (answer.isOfFile() || format == WireFormat.JSON) {
            right = json.encode(here);
        } else {
            right = avro.encode(here);
            if (format == WireFormat.CONFLUENT) {
                // The schema's id depends on the registry, so it is not compared.
                left = avro.encode(committed);
            }
        }
        if (Arrays.equals(left, right)) {
            return null;
        }
        String words = Difference.of(committed, here);
        return words == null ? Difference.ofBytes(left, right) : words;
    }

    /** Adds a finding per kind of difference. */
    private void tell(Pair pair, EnumMap<Way, String> byWay) {
        Map<String, Set<Way>> kinds = new LinkedHashMap<>();
        byWay.forEach(
                (way, what) ->
                        kinds.computeIfAbsent(what, w -> EnumSet.noneOf(Way.class)).add(way));
        Sample.Question question = pair.asked().question();
        String name = question.request().getId() + " (" + question.entry().place() + ")";
        kinds.forEach(
                (what, ways) -> findings.add(new Finding(question.number(), name, what, ways)));
    }

    /** Findings in the order of the requests. */
    List<Finding> findings() {
        return findings;
    }

    /** Number of compared answers. */
    int compared() {
        return compared;
    }

    /** Number of answers that differ in some way. */
    long different() {
        return findings.stream().map(Finding::name).distinct().count();
    }
}
