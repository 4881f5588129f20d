package io.millrace.gpu.sampling.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.text.TokenBytes;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Writes random answers with hardly more tokens than they need: {@code EndBench SCHEMAS.jsonl
 * TOKENIZER.json ANSWERS OUT.jsonl [annotate]}. Each must end in time, parse, and be a text of its
 * grammar. A line of the output has the {@code name} of the schema, its {@code schema} and an
 * {@code answer}, for validators.
 */
public final class EndBench {
    private static final int[] SPARE = {0, 1, 3, 10, 40};
    private static final long GRAMMAR_BYTES = 64 << 20;

    private EndBench() {}

    public static void main(String[] arguments) throws IOException {
        byte[][] tokens = TokenBytes.of(Path.of(arguments[1]));
        boolean annotate = Arrays.asList(arguments).contains("annotate");
        GrammarCompiler compiler =
                new GrammarCompiler(new Vocabulary(tokens), !annotate, GRAMMAR_BYTES);
        int answers = Integer.parseInt(arguments[2]);
        ObjectMapper json = new ObjectMapper();
        List<Integer> fewest = new ArrayList<>();
        List<Double> micros = new ArrayList<>();
        int written = 0;
        long used = 0;
        try (PrintStream out = new PrintStream(arguments[3], StandardCharsets.UTF_8)) {
            for (String line : Files.readAllLines(Path.of(arguments[0]))) {
                JsonNode one = CompiledSchema.parse(line);
                Grammar grammar;
                try {
                    grammar = compiler.jsonSchema(one.get("schema"));
                } catch (GrammarException e) {
                    continue;
                }
                if (grammar.isEmpty()) {
                    continue;
                }
                fewest.add(grammar.fewestTokens());
                RandomAnswer random = new RandomAnswer(tokens, new Random(written));
                for (int i = 0; i < answers; i++) {
                    int most = grammar.fewestTokens() + SPARE[i % SPARE.length];
                    String text =
                            new String(random.write(grammar, most, 20), StandardCharsets.UTF_8);
                    Matcher matcher = grammar.matcher();
                    boolean whole = matcher.accept(text.getBytes(StandardCharsets.UTF_8));
                    if (!whole || !matcher.isAccepting()) {
                        throw new AssertionError("not of its grammar: " + text);
                    }
                    CompiledSchema.parse(text.isEmpty() ? "null" : text);
                    ObjectNode answer = json.createObjectNode();
                    answer.put("name", one.get("name").asText());
                    answer.set("schema", one.get("schema"));
                    out.println(json.writeValueAsString(answer.put("answer", text)));
                    written++;
                    used += random.length;
                }
                micros.addAll(random.maskMicros);
            }
        }
        fewest.sort(null);
        micros.sort(null);
        System.out.printf(
                "%d answers of %d schemas ended in time, %d tokens; fewest tokens p50 %d, largest %d%n",
                written, fewest.size(), used, at(fewest, 0.5), at(fewest, 1));
        System.out.printf(
                "masks, each grammar fresh: average %.1f us, p50 %.1f, p99 %.1f, largest %.1f%n",
                micros.stream().mapToDouble(Double::doubleValue).average().orElse(0),
                at(micros, 0.5),
                at(micros, 0.99),
                at(micros, 1));
    }

    private static <T> T at(List<T> sorted, double share) {
        return sorted.get((int) (share * (sorted.size() - 1)));
    }
}
