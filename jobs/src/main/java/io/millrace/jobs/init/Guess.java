package io.millrace.jobs.init;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What the records of a sample are taken for.
 *
 * @param shape what a record is
 * @param unwrap name of the envelope around events; null for none
 * @param prompt field of the prompt; null where the record is a request
 * @param why the field was taken, half a sentence
 * @param id field that names a record; null where none was found
 * @param result field for the answer that no record has
 * @param model that all requests name; null for none
 */
record Guess(
        Shape shape,
        String unwrap,
        String prompt,
        String why,
        String id,
        String result,
        String model) {

    /** Kinds of records. */
    enum Shape {
        /** A request of Millrace. */
        REQUEST,
        /** A line of a batch file for OpenAI's API. */
        BATCH,
        /** The body of a request to OpenAI's API. */
        BODY,
        /** Fields of any names. */
        FIELDS
    }

    private static final List<String> RESULTS =
            List.of("answer", "completion", "llm_answer", "millrace_answer");

    private static final Pattern ID_NAME =
            Pattern.compile("(?i)(.*[._-])?(id|uuid|guid)|.*[a-z](Id|ID|Uuid)");

    /** JSON names of the constraint. */
    private static final Set<String> OTHER_NAMES = Set.of("response_format", "structured_outputs");

    /** Names and the type of one text or number that records have at a path. */
    private record Leaf(List<String> texts, Set<Object> values, int[] whole) {
        Leaf() {
            this(new ArrayList<>(), new HashSet<>(), new int[1]);
        }
    }

    /**
     * Looks at a sample.
     *
     * @param corpus whether the configuration is one for {@code corpus}, not for {@code run}
     */
    static Guess of(Sample sample, boolean corpus) {
        boolean json = sample.format() == null || isJson(sample);
        if (corpus && json && sample.haveAll("custom_id", "method", "url", "body")) {
            return new Guess(
                    Shape.BATCH, null, null, null, null, null, model(inner(sample.rows(), "body")));
        }
        if (json && areRequests(sample, corpus)) {
            return new Guess(Shape.REQUEST, null, null, null, null, "answer", model(sample.rows()));
        }
        if (json && sample.haveAll("messages")) {
            if (corpus) {
                throw new CommandFailedException(
                        "The rows have messages, and beside them %s, which a request of corpus has not:"
                                        .formatted(unknown(sample))
                                + " rename or remove these fields, or send the rows to a topic"
                                + " (--command run).");
            }
            return new Guess(
                    Shape.BODY,
                    null,
                    null,
                    null,
                    null,
                    result(sample.rows()),
                    model(sample.rows()));
        }
        return ofFields(sample, corpus, json);
    }

    private static boolean isJson(Sample sample) {
        return switch (sample.format().rows()) {
            case JSONL, OPENAI_BATCH -> true;
            case CSV, PARQUET -> false;
        };
    }

    private static Guess ofFields(Sample sample, boolean corpus, boolean json) {
        String[] envelope = json ? envelope(sample) : null;
        List<Map<String, Object>> events =
                envelope == null ? sample.rows() : inner(sample.rows(), envelope[1]);
        // The paths of corpus begin outside of the envelope.
        String prefix = envelope != null && corpus ? envelope[1] + "." : "";
        Map<String, Leaf> leaves = new LinkedHashMap<>();
        events.forEach(event -> collect("", event, json || !corpus, leaves));
        String prompt = null;
        double best = 0;
        for (Map.Entry<String, Leaf> each : leaves.entrySet()) {
            double score = score(each.getValue().texts());
            if (score > best) {
                best = score;
                prompt = each.getKey();
            }
        }
        if (prompt == null) {
            throw new CommandFailedException(
                    "The %s have no field with text that could be a prompt; their fields are %s."
                            .formatted(
                                    sample.described(),
                                    String.join(", ", sample.rows().get(0).keySet())));
        }
        List<String> texts = leaves.get(prompt).texts();
        String why =
                "the longest text, %,d characters on average"
                        .formatted(texts.stream().mapToInt(String::length).sum() / texts.size());
        if (texts.size() < events.size()) {
            why +=
                    "; %d of %d records are without it and will be %s"
                            .formatted(
                                    events.size() - texts.size(),
                                    events.size(),
                                    corpus ? "failures" : "dead letters");
        }
        String id = id(leaves, prompt, events.size());
        return new Guess(
                Shape.FIELDS,
                corpus || envelope == null ? null : envelope[0],
                prefix + prompt,
                why,
                id == null ? null : prefix + id,
                result(prefix.isEmpty() ? events : sample.rows()),
                null);
    }

    /** The envelope's name and the field that has the event; null for none. */
    private static String[] envelope(Sample sample) {
        if (sample.haveAll("specversion", "id", "source", "type", "data")) {
            return objects(sample, "data") ? new String[] {"cloudevents", "data"} : null;
        }
        if (sample.haveAll("op", "after")) {
            return objects(sample, "after") ? new String[] {"debezium", "after"} : null;
        }
        if (sample.haveAll("schema", "payload")) {
            return objects(sample, "payload") ? new String[] {"connect", "payload"} : null;
        }
        return null;
    }

    /** Whether the field is an object where it is anything, and is one somewhere. */
    private static boolean objects(Sample sample, String field) {
        List<Object> values =
                sample.rows().stream().map(row -> row.get(field)).filter(v -> v != null).toList();
        return !values.isEmpty() && values.stream().allMatch(Map.class::isInstance);
    }

    @SuppressWarnings("unchecked") // The maps of a JSON tree.
    private static List<Map<String, Object>> inner(List<Map<String, Object>> rows, String field) {
        return rows.stream()
                .map(row -> row.get(field))
                .filter(Map.class::isInstance)
                .map(each -> (Map<String, Object>) each)
                .toList();
    }

    /**
     * @param dots whether names with dots cannot be reached
     */
    private static void collect(
            String prefix, Map<?, ?> object, boolean dots, Map<String, Leaf> leaves) {
        object.forEach(
                (key, value) -> {
                    String name = String.valueOf(key);
                    if (name.isEmpty() || dots && name.contains(".")) {
                        return;
                    }
                    if (value instanceof Map<?, ?> inner) {
                        collect(prefix + name + ".", inner, true, leaves);
                        return;
                    }
                    Leaf leaf = leaves.computeIfAbsent(prefix + name, path -> new Leaf());
                    if (value instanceof String text) {
                        leaf.texts().add(text);
                    }
                    if (value instanceof String
                            || value instanceof Integer
                            || value instanceof Long) {
                        leaf.values().add(value);
                        leaf.whole()[0]++;
                    }
                });
    }

    /**
     * Characters of all texts; those of a single word, such as names and addresses, count little.
     */
    private static double score(List<String> texts) {
        double score = 0;
        for (String text : texts) {
            score +=
                    text.strip().chars().anyMatch(Character::isWhitespace)
                            ? text.length()
                            : text.length() / 1000.0;
        }
        return score;
    }

    private static String id(Map<String, Leaf> leaves, String prompt, int rows) {
        for (Map.Entry<String, Leaf> each : leaves.entrySet()) {
            Leaf leaf = each.getValue();
            if (!each.getKey().equals(prompt)
                    && ID_NAME.matcher(each.getKey()).matches()
                    && leaf.whole()[0] == rows
                    && leaf.values().size() == rows
                    && !leaf.values().contains("")) {
                return each.getKey();
            }
        }
        return null;
    }

    private static String result(List<Map<String, Object>> events) {
        return RESULTS.stream()
                .filter(name -> events.stream().noneMatch(event -> event.containsKey(name)))
                .findFirst()
                .orElse("millrace_answer_2");
    }

    private static boolean areRequests(Sample sample, boolean corpus) {
        return unknown(sample).isEmpty()
                && (sample.haveAll("prompt")
                        || sample.haveAll("messages")
                        || sample.haveAll("prompt_token_ids"))
                && (corpus || sample.haveAll("id"));
    }

    /** Fields that are none of a request. */
    private static Set<String> unknown(Sample sample) {
        Set<String> names = new LinkedHashSet<>();
        sample.rows().forEach(row -> names.addAll(row.keySet()));
        names.removeAll(OTHER_NAMES);
        InferenceRequest.getClassSchema().getFields().forEach(field -> names.remove(field.name()));
        return names;
    }

    /** The model that all of them name; null for none. */
    private static String model(List<Map<String, Object>> requests) {
        Set<Object> models = new HashSet<>();
        requests.forEach(request -> models.add(request.get("model")));
        return models.size() == 1 && models.iterator().next() instanceof String name ? name : null;
    }
}
