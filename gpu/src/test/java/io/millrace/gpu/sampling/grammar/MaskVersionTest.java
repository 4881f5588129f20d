package io.millrace.gpu.sampling.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Holds {@link Constraint#VERSION} to the masks: they are those that its line of a file has. */
class MaskVersionTest {
    private static final Path FILE = Path.of("src/test/resources/grammar/mask-versions.txt");
    private static final int ANSWERS = 17;

    private static final List<String> REGEXES =
            List.of(
                    "[a-z]{3,17}",
                    "(ab|cd)*e?",
                    "\\d{4}-\\d\\d-\\d\\d(T[^ ]+)?",
                    "(?=.*x)[x-z ]{1,9}",
                    "[\\s\\S]{0,5}");

    private static final List<String> SCHEMAS =
            List.of(
                    "{\"type\":\"object\"}",
                    "{\"type\":[\"string\",\"null\"],\"maxLength\":7}",
                    "{\"type\":\"integer\",\"minimum\":-17,\"exclusiveMaximum\":1023}",
                    "{\"type\":\"number\",\"multipleOf\":0.25,\"maximum\":9}",
                    "{\"enum\":[\"ham\",3,null,{\"a\":[1]}]}",
                    "{\"const\":\"\\u00e9\\\"\"}",
                    "{\"type\":\"object\",\"properties\":{\"label\":{\"enum\":[\"ham\",\"spam\"]},"
                            + "\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"],"
                            + "\"additionalProperties\":false}",
                    "{\"type\":\"object\",\"patternProperties\":{\"^x-\":{\"type\":\"boolean\"}},"
                            + "\"additionalProperties\":{\"type\":\"null\"},\"minProperties\":1}",
                    "{\"type\":\"object\",\"propertyNames\":{\"maxLength\":3},\"maxProperties\":2}",
                    "{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},\"minItems\":2,\"maxItems\":3}",
                    "{\"type\":\"array\",\"prefixItems\":[{\"const\":1}],\"items\":{\"type\":\"string\"}}",
                    "{\"type\":\"array\",\"contains\":{\"const\":7},\"maxItems\":4}",
                    "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^a+$\"},{\"type\":\"boolean\"}]}",
                    "{\"allOf\":[{\"minimum\":3},{\"type\":\"integer\"},{\"maximum\":54}]}",
                    "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"format\":\"date\"}]}",
                    "{\"not\":{\"type\":[\"object\",\"array\",\"string\"]}}",
                    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"},\"b\":{}},"
                            + "\"required\":[\"a\"],\"if\":{\"properties\":{\"a\":{\"const\":true}}},"
                            + "\"then\":{\"required\":[\"b\"]},\"additionalProperties\":false}",
                    "{\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},"
                            + "\"next\":{\"$ref\":\"#/$defs/tree\"}},\"required\":[\"v\"],"
                            + "\"additionalProperties\":false}},\"$ref\":\"#/$defs/tree\"}",
                    "{\"type\":\"object\",\"dependentRequired\":{\"a\":[\"b\"]},\"properties\":{\"a\":{},"
                            + "\"b\":{}},\"additionalProperties\":false}",
                    "{\"type\":\"string\",\"format\":\"uuid\"}",
                    "{\"type\":\"string\",\"format\":\"date-time\"}",
                    "{\"type\":\"string\",\"format\":\"ipv4\"}",
                    "{\"type\":\"string\",\"format\":\"email\"}");

    private static byte[][] tokens() {
        List<byte[]> tokens = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            tokens.add(new byte[] {(byte) i});
        }
        String words =
                "{\" \": \", \"} \"] [] {} true false null \":\" \", \": the spam label 20 17 00 ab xy é ☕ \\n -1 e+";
        for (String word : words.split(" ")) {
            tokens.add(word.getBytes(StandardCharsets.UTF_8));
        }
        return tokens.toArray(byte[][]::new);
    }

    @Test
    void masksAreThoseOfTheVersion() throws Exception {
        byte[][] tokens = tokens();
        GrammarCompiler compiler = new GrammarCompiler(new Vocabulary(tokens), true, 16 << 20);
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        List<Grammar> grammars = new ArrayList<>();
        REGEXES.forEach(regex -> grammars.add(compiler.regex(regex)));
        SCHEMAS.forEach(schema -> grammars.add(compiler.jsonSchema(schema)));
        grammars.add(compiler.choice(List.of("yes", "no", "nobody")));
        for (Grammar grammar : grammars) {
            for (int seed = 0; seed < ANSWERS; seed++) {
                write(grammar, new Random(seed), digest);
            }
        }
        String line =
                "%d %s".formatted(Constraint.VERSION, HexFormat.of().formatHex(digest.digest()));
        if (Boolean.getBoolean("millrace.update")) {
            write(line);
        }
        assertThat(Files.readAllLines(FILE))
                .as(
                        "masks of constraints changed: raise Constraint.VERSION, and run this test"
                                + " with -Dmillrace.update=true")
                .contains(line);
    }

    /** A line of a version that is there stays. */
    private static void write(String line) throws IOException {
        List<String> lines =
                new ArrayList<>(Files.exists(FILE) ? Files.readAllLines(FILE) : List.of());
        if (lines.stream().noneMatch(one -> one.startsWith(Constraint.VERSION + " "))) {
            lines.add(line);
            Files.createDirectories(FILE.getParent());
            Files.write(FILE, lines);
        }
    }

    private static void write(Grammar grammar, Random random, MessageDigest digest) {
        Matcher matcher = grammar.matcher();
        long[] mask = new long[grammar.maskWords()];
        ByteBuffer bytes = ByteBuffer.allocate(mask.length * Long.BYTES);
        for (int left = grammar.fewestTokens() + 23; left > 0; left--) {
            assertThat(matcher.mask(mask, left)).isTrue();
            bytes.clear();
            int count = 0;
            for (long word : mask) {
                bytes.putLong(word);
                count += Long.bitCount(word);
            }
            digest.update(bytes.array());
            digest.update((byte) (matcher.isAccepting() ? 1 : 0));
            if (count == 0 || matcher.isAccepting() && random.nextInt(3) == 0) {
                return;
            }
            assertThat(matcher.accept(RandomAnswer.nth(mask, random.nextInt(count)))).isTrue();
        }
    }
}
