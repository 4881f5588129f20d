package io.millrace.schemas.codec.json;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonTreeTest {
    private static Map<String, Object> read(String json) throws CodecException {
        return JsonTree.read(json.getBytes(UTF_8), null);
    }

    @Test
    void everyKindOfValueIsRead() throws Exception {
        assertThat(
                        read(
                                "\uFEFF {\"a\":\"\\u00e4\",\"b\":[1,-2.50,1e400,true,null,{}],"
                                        + "\"c\":{\"d\":12345678901234567890}} "))
                .containsOnlyKeys("a", "b", "c")
                .containsEntry("a", "\u00e4")
                .containsEntry("c", Map.of("d", new BigInteger("12345678901234567890")))
                .hasEntrySatisfying(
                        "b",
                        list ->
                                assertThat((List<?>) list)
                                        .isEqualTo(
                                                java.util.Arrays.asList(
                                                        1,
                                                        new BigDecimal("-2.50"),
                                                        new BigDecimal("1e400"),
                                                        true,
                                                        null,
                                                        Map.of())));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[1]                     | an event is a JSON object, not an array",
                "'\"x\"'                 | an event is a JSON object, not text",
                "''                      | the record is empty: an event is a JSON object",
                "{\"a\":{\"b\":1,\"b\":2}} | field a.b stands twice: keep one",
                "{\"a\":1,\"\\u0061\":2} | field a stands twice: keep one",
                "{\"a\":1}{              | there is more after the JSON object: write one event a record",
                "{\"a\":NaN}             | field a is NaN, which is no JSON",
                "{\"a\":[1,}             | not valid JSON in field a[1]"
            })
    void whatIsNoEventIsNamed(String json, String message) {
        CodecException e = catchThrowableOfType(CodecException.class, () -> read(json.strip()));
        assertThat(e).hasMessageStartingWith(message);
        assertThat(e.code()).isEqualTo(FailureCode.UNREADABLE);
    }

    @Test
    void bytesThatAreNoTextAreNamed() {
        assertThat(
                        catchThrowableOfType(
                                CodecException.class,
                                () ->
                                        JsonTree.read(
                                                "{\"a\":\"\u00e4\"}".getBytes(ISO_8859_1), null)))
                .hasMessage("not JSON: byte 6 is not valid UTF-8");
        assertThat(
                        catchThrowableOfType(
                                CodecException.class,
                                () -> JsonTree.read("{\"a\":1}".getBytes(UTF_16), null)))
                .hasMessageContaining("UTF-16");
    }

    @Test
    void nestingHasABound() throws Exception {
        int most = JsonTree.DEEPEST - 1;
        assertThat(read("{\"a\":" + "[".repeat(most) + "]".repeat(most) + "}")).containsKey("a");
        for (int deep : new int[] {most + 1, 100_000}) {
            assertThat(
                            catchThrowableOfType(
                                    CodecException.class,
                                    () ->
                                            read(
                                                    "{\"a\":"
                                                            + "[".repeat(deep)
                                                            + "]".repeat(deep)
                                                            + "}")))
                    .hasMessageContaining("nest more than 200 deep");
        }
    }
}
