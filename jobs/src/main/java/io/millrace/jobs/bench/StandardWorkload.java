package io.millrace.jobs.bench;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.cli.CommandFailedException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A standard workload for comparing engines on a GPU: requests of random tokens, submitted all at
 * once, each answered greedily to its full length.
 *
 * @param id its name on the command line
 * @param shared tokens of a prefix of all prompts, in addition to their own
 * @param requests lengths of each request
 * @param counted the measured quantity
 */
record StandardWorkload(String id, int shared, List<Lengths> requests, Counted counted) {

    /** The measured quantity of a workload. */
    enum Counted {
        /** Output tokens per second, from the start to the last token. */
        OUTPUT("output", ""),

        /** Output tokens per second of steps in which all requests are decoding. */
        DECODE("output", ", decode"),

        /** Prompt tokens per second, until all requests have their first token. */
        PROMPTS("prompts", "");

        private final String metric;
        private final String suffix;

        Counted(String metric, String suffix) {
            this.metric = metric;
            this.suffix = suffix;
        }

        /** The metric's name. */
        String metric() {
            return metric;
        }

        double of(TimedRun run) {
            return switch (this) {
                case OUTPUT -> run.outputPerSecond();
                case DECODE -> run.decodePerSecond();
                case PROMPTS -> run.promptPerSecond();
            };
        }
    }

    /**
     * Tokens of one request.
     *
     * @param prompt tokens of the prompt, without the shared prefix
     * @param output tokens of the answer
     */
    record Lengths(int prompt, int output) {}

    StandardWorkload {
        requests = List.copyOf(requests);
    }

    /** All workloads, in the order of their ids. */
    static List<StandardWorkload> all() {
        return List.of(
                new StandardWorkload("W1", 0, equal(64, 128, 128), Counted.OUTPUT),
                new StandardWorkload("W2", 0, equal(256, 512, 512), Counted.OUTPUT),
                new StandardWorkload("W3", 0, equal(256, 1024, 128), Counted.OUTPUT),
                new StandardWorkload("W4", 0, nano(), Counted.OUTPUT),
                new StandardWorkload("W5", 0, equal(1, 32, 128), Counted.OUTPUT),
                new StandardWorkload("W6", 1024, equal(256, 64, 128), Counted.OUTPUT),
                new StandardWorkload("B256", 0, equal(256, 128, 128), Counted.DECODE),
                new StandardWorkload("prompts", 0, equal(32, 2048, 1), Counted.PROMPTS));
    }

    /** The workload of an id, case-insensitive. */
    static StandardWorkload named(String id) {
        for (StandardWorkload workload : all()) {
            if (workload.id.equalsIgnoreCase(id)) {
                return workload;
            }
        }
        throw new CommandFailedException(
                "There is no workload %s: take some of %s, %s."
                        .formatted(
                                id,
                                ResultRow.KERNELS,
                                String.join(
                                        ", ", all().stream().map(StandardWorkload::id).toList())));
    }

    private static List<Lengths> equal(int count, int prompt, int output) {
        return Collections.nCopies(count, new Lengths(prompt, output));
    }

    /** Fixed random lengths between 100 and 1,024: 142,827 tokens in, 133,966 out. */
    private static List<Lengths> nano() {
        String name = "nano_lengths.csv";
        List<Lengths> lengths = new ArrayList<>();
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(
                                StandardWorkload.class.getResourceAsStream(name),
                                StandardCharsets.US_ASCII))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                int comma = line.indexOf(',');
                lengths.add(
                        new Lengths(
                                Integer.parseInt(line.substring(0, comma)),
                                Integer.parseInt(line.substring(comma + 1))));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(name, e);
        }
        return lengths;
    }

    /** Display name, also in results. */
    String title() {
        Lengths first = requests.get(0);
        boolean equal = requests.stream().allMatch(first::equals);
        String in = (shared > 0 ? "(" + shared + " shared + " : "") + first.prompt;
        String lengths =
                equal
                        ? "%d x %s -> %d"
                                .formatted(
                                        requests.size(), shared > 0 ? in + ")" : in, first.output)
                        : "%d requests of unequal length".formatted(requests.size());
        return "%s, %s%s".formatted(id, lengths, counted.suffix);
    }

    /** Maximum tokens of a prompt with its answer. */
    int longest() {
        return shared + requests.stream().mapToInt(r -> r.prompt + r.output).max().orElse(0);
    }

    /** The same with fewer requests, for a quick run. */
    StandardWorkload first(int count) {
        return new StandardWorkload(
                id, shared, requests.subList(0, Math.min(count, requests.size())), counted);
    }

    /**
     * Random requests; another seed gives other prompts, so that no prefix cache shortens a run.
     */
    List<GenerationRequest> draw(long seed, int vocabulary) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] head = random.ints(shared, 0, vocabulary).toArray();
        List<GenerationRequest> drawn = new ArrayList<>(requests.size());
        for (Lengths lengths : requests) {
            int[] tokens = new int[shared + lengths.prompt];
            System.arraycopy(head, 0, tokens, 0, shared);
            for (int i = shared; i < tokens.length; i++) {
                tokens[i] = random.nextInt(vocabulary);
            }
            SamplingParameters sampling =
                    SamplingParameters.builder().maxTokens(lengths.output).ignoreEos(true).build();
            drawn.add(GenerationRequest.of(id + "-" + drawn.size(), tokens, sampling));
        }
        return drawn;
    }
}
