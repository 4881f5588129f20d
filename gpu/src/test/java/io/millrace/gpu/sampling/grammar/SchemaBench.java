package io.millrace.gpu.sampling.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.sampling.grammar.schema.InstanceText;
import io.millrace.gpu.text.HuggingFaceTokenizer;
import io.millrace.gpu.text.TokenBytes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Judges and times JSON schemas with instances: {@code SchemaBench SCHEMAS.jsonl [TOKENIZER.json]
 * [annotate]}. A line of the file has {@code name}, {@code schema} and {@code tests} of {@code
 * valid} and {@code data}. A schema is judged right if it compiles and all its instances, written
 * in its order, are judged right. With a tokenizer, the mask before each token of the instances is
 * timed, on one core, each schema's grammar fresh. Prints what is not right, and a summary in JSON.
 */
public final class SchemaBench {
    private static final int WARM_UPS = 3;
    private static final long STATE_BYTES = 64 << 20;

    private final List<JsonNode> cases;
    private final Vocabulary vocabulary;
    private final HuggingFaceTokenizer tokenizer;
    private final GrammarCompiler compiler;
    private final List<Double> compileMillis = new ArrayList<>();
    private final List<Double> maskMicros = new ArrayList<>();
    private final Map<String, Integer> refused = new TreeMap<>();
    private int compiled;
    private int right;
    private int invalidAccepted;
    private int validRefused;
    private int wrongMasks;
    private boolean quiet = true;

    private SchemaBench(Path file, Path tokenizerJson, boolean annotate) throws IOException {
        cases = Files.readAllLines(file).stream().map(CompiledSchema::parse).toList();
        byte[][] tokens = tokenizerJson == null ? new byte[1][] : TokenBytes.of(tokenizerJson);
        vocabulary = new Vocabulary(tokens);
        tokenizer = tokenizerJson == null ? null : HuggingFaceTokenizer.open(tokenizerJson);
        compiler = new GrammarCompiler(vocabulary, !annotate, STATE_BYTES);
    }

    public static void main(String[] arguments) throws IOException {
        List<String> all = new ArrayList<>(Arrays.asList(arguments));
        boolean annotate = all.remove("annotate");
        Path tokenizer = all.size() > 1 ? Path.of(all.get(1)) : null;
        SchemaBench bench = new SchemaBench(Path.of(all.get(0)), tokenizer, annotate);
        for (int i = 0; i < WARM_UPS; i++) {
            bench.run();
        }
        bench.quiet = false;
        bench.run();
        System.out.println(bench.summary());
    }

    private void run() {
        compileMillis.clear();
        maskMicros.clear();
        refused.clear();
        compiled = 0;
        right = 0;
        invalidAccepted = 0;
        validRefused = 0;
        wrongMasks = 0;
        cases.forEach(this::judge);
    }

    private void judge(JsonNode one) {
        String name = one.get("name").asText();
        long start = System.nanoTime();
        Grammar grammar;
        try {
            grammar = compiler.jsonSchema(one.get("schema"));
        } catch (GrammarException e) {
            compileMillis.add((System.nanoTime() - start) / 1e6);
            refused.merge(e.keyword(), 1, Integer::sum);
            say("%s is refused: %s", name, e.getMessage());
            return;
        }
        compileMillis.add((System.nanoTime() - start) / 1e6);
        compiled++;
        boolean good = true;
        for (JsonNode test : one.get("tests")) {
            String text = InstanceText.of(test.get("data"), grammar.order());
            boolean accepted = accepts(grammar, text);
            if (accepted != test.get("valid").booleanValue()) {
                good = false;
                invalidAccepted += accepted ? 1 : 0;
                validRefused += accepted ? 0 : 1;
                say("%s: %s is %s", name, text, accepted ? "accepted" : "not accepted");
            }
        }
        right += good ? 1 : 0;
    }

    private boolean accepts(Grammar grammar, String text) {
        Matcher matcher = grammar.matcher();
        if (tokenizer == null) {
            return matcher.accept(text.getBytes(StandardCharsets.UTF_8)) && matcher.isAccepting();
        }
        long[] mask = new long[grammar.maskWords()];
        for (int token : tokenizer.encodeRendered(text)) {
            long start = System.nanoTime();
            matcher.mask(mask);
            maskMicros.add((System.nanoTime() - start) / 1e3);
            boolean allowed = (mask[token >> 6] >>> token & 1) != 0;
            boolean accepted = matcher.accept(token);
            wrongMasks += allowed == accepted ? 0 : 1;
            if (!accepted) {
                return false;
            }
        }
        return matcher.isAccepting();
    }

    private void say(String format, Object... values) {
        if (!quiet) {
            System.out.println(format.formatted(values));
        }
    }

    private String summary() throws IOException {
        ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        ObjectNode all = json.createObjectNode();
        all.put("schemas", cases.size());
        all.put("compiled", compiled);
        all.put("judged_right", right);
        all.put("percent", Math.round(1000.0 * right / cases.size()) / 10.0);
        all.put("invalid_accepted", invalidAccepted);
        all.put("valid_refused", validRefused);
        all.set("refused_by_keyword", json.valueToTree(refused));
        all.set("compile_ms", quantiles(json, compileMillis));
        if (tokenizer != null) {
            all.put("masks", maskMicros.size());
            all.put("masks_unlike_accept", wrongMasks);
            all.set("mask_us", quantiles(json, maskMicros));
        }
        return json.writeValueAsString(all);
    }

    private static ObjectNode quantiles(ObjectMapper json, List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        ObjectNode quantiles = json.createObjectNode();
        quantiles.put("average", rounded(Arrays.stream(sorted).average().orElse(0)));
        for (double q : new double[] {0.5, 0.9, 0.99, 0.999}) {
            String name = "p" + String.valueOf(100 * q).replaceAll("\\.0$", "").replace(".", "");
            quantiles.put(name, rounded(sorted[(int) (q * (sorted.length - 1))]));
        }
        quantiles.put("largest", rounded(sorted[sorted.length - 1]));
        return quantiles;
    }

    private static double rounded(double value) {
        return Math.round(100 * value) / 100.0;
    }
}
