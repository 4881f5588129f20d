package io.millrace.schemas.codec.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonSpliceTest {
    private static String put(String object, String path, String value) {
        return new String(
                JsonSplice.put(
                        object.getBytes(UTF_8), List.of(path.split("\\.")), value.getBytes(UTF_8)),
                UTF_8);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{}                        | r     | {\"r\":7}",
                "{ }                       | r     | {\"r\":7 }",
                "{\"a\":1}                 | r     | {\"a\":1,\"r\":7}",
                "{\"a\":1 , \"b\":[2,{}] } | r     | {\"a\":1 , \"b\":[2,{}],\"r\":7 }",
                "{\"r\":\"old\",\"a\":1}   | r     | {\"r\":7,\"a\":1}",
                "{\"a\": {\"r\": 1} }      | a.r   | {\"a\": {\"r\": 7} }",
                "{\"a\":{}}                | a.r   | {\"a\":{\"r\":7}}",
                "{\"b\":1}                 | a.c.r | {\"b\":1,\"a\":{\"c\":{\"r\":7}}}",
                "{\"x\":{\"r\":1},\"y\":{}} | y.r  | {\"x\":{\"r\":1},\"y\":{\"r\":7}}",
                "{\"\\u0072\":1}           | r     | {\"\\u0072\":7}",
                "{\"a\":\"}\\\"{,\"}       | r     | {\"a\":\"}\\\"{,\",\"r\":7}",
                "{\"n\":[1e400,12345678901234567890,1.10]} | r | {\"n\":[1e400,12345678901234567890,1.10],\"r\":7}"
            })
    void nothingElseChanges(String object, String path, String whole) {
        assertThat(put(object, path, "7")).isEqualTo(whole);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"a\":1}                  | {}",
                "{\"a\":1, \"b\":2}         | { \"b\":2}",
                "{\"b\":2 , \"a\" : [1,{}] } | {\"b\":2  }",
                "{\"b\":{\"a\":1},\"c\":\"}\"} | {\"b\":{\"a\":1},\"c\":\"}\"}"
            })
    void aFieldIsRemovedWithItsComma(String object, String without) {
        assertThat(new String(JsonSplice.remove(object.getBytes(UTF_8), "a"), UTF_8))
                .isEqualTo(without);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"a\":{\"b\":[]}}     | {\"a\":{\"b\":[7]}}",
                "{\"a\":{\"b\":[ ]}}    | {\"a\":{\"b\":[ 7]}}",
                "{\"a\":{\"b\":[1, 2 ]}} | {\"a\":{\"b\":[1, 2 ,7]}}"
            })
    void anElementIsAppended(String object, String longer) {
        assertThat(
                        new String(
                                JsonSplice.append(
                                        object.getBytes(UTF_8),
                                        List.of("a", "b"),
                                        "7".getBytes(UTF_8)),
                                UTF_8))
                .isEqualTo(longer);
    }

    @Test
    void lineEndsAndMarksStay() {
        assertThat(put("\uFEFF{\r\n  \"a\": 1\r\n}\n", "r", "7"))
                .isEqualTo("\uFEFF{\r\n  \"a\": 1,\"r\":7\r\n}\n");
    }

    @Test
    void namesAreQuoted() {
        assertThat(put("{}", "a\"\u00e4\n", "7")).isEqualTo("{\"a\\\"\u00e4\\n\":7}");
        assertThat(new String(JsonSplice.quoted("a\uD800\u0000"), UTF_8))
                .isEqualTo("\"a\uFFFD\\u0000\"");
    }

    @Test
    void randomObjectsHaveTheValueAtThePathAndAllElseAsBefore() throws Exception {
        for (int seed = 0; seed < 2_000; seed++) {
            Random random = new Random(seed);
            String object = object(random, 3);
            List<String> path = List.of(name(random), name(random)).subList(0, 1 + seed % 2);
            Map<String, Object> before = JsonTree.read(object.getBytes(UTF_8), null);
            if (path.size() == 2
                    && before.containsKey(path.get(0))
                    && !(before.get(path.get(0)) instanceof Map)) {
                continue;
            }
            byte[] spliced =
                    JsonSplice.put(object.getBytes(UTF_8), path, "\"new\"".getBytes(UTF_8));
            assertThat(JsonTree.read(spliced, null))
                    .as("%s at %s", object, path)
                    .isEqualTo(with(before, path));
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> with(Map<String, Object> before, List<String> path) {
        Map<String, Object> after = new java.util.LinkedHashMap<>(before);
        after.put(
                path.get(0),
                path.size() == 1
                        ? "new"
                        : with(
                                (Map<String, Object>) before.getOrDefault(path.get(0), Map.of()),
                                path.subList(1, 2)));
        return after;
    }

    private static String name(Random random) {
        return List.of("a", "b", "long name", "\u00e4").get(random.nextInt(4));
    }

    private static String object(Random random, int depth) {
        StringBuilder object = new StringBuilder("{").append(blank(random));
        List<String> names = new java.util.ArrayList<>(List.of("a", "b", "long name", "\u00e4"));
        java.util.Collections.shuffle(names, random);
        int count = random.nextInt(5);
        for (int i = 0; i < count; i++) {
            object.append(i == 0 ? "" : ",").append(blank(random));
            String name = random.nextInt(4) > 0 ? names.get(i) : escaped(names.get(i));
            object.append('"').append(name).append('"').append(blank(random)).append(':');
            object.append(blank(random)).append(value(random, depth)).append(blank(random));
        }
        return object.append('}').append(blank(random)).toString();
    }

    private static String escaped(String name) {
        return "\\u%04x".formatted((int) name.charAt(0)) + name.substring(1);
    }

    private static String value(Random random, int depth) {
        return switch (random.nextInt(depth > 0 ? 7 : 5)) {
            case 0 -> "1.10";
            case 1 -> "\"a\\\"}]\\\\\"";
            case 2 -> "null";
            case 3 -> "-0e-3";
            case 4 -> "true";
            case 5 -> "[" + value(random, depth - 1) + " ," + value(random, depth - 1) + "]";
            default -> object(random, depth - 1);
        };
    }

    private static String blank(Random random) {
        return List.of("", "", " ", "\n\t").get(random.nextInt(4));
    }
}
