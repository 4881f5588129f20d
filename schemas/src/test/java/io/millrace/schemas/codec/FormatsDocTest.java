package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecordBase;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds docs/formats.md to the code; with {@code -Dmillrace.update=true} writes its tables. */
class FormatsDocTest {

    private static final Path PAGE = Path.of("../docs/formats.md");

    private static final List<String> REFUSED =
            List.of(
                    "{\"id\":\"1\",\"promt\":\"hi\"}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"constraint\":{\"regx\":\"a+\"}}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"response_format\":{\"type\":\"xml\"}}",
                    "{\"prompt\":\"hi\"}",
                    "{\"id\":\"\",\"prompt\":\"hi\"}",
                    "{\"id\":17,\"prompt\":\"hi\"}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"prompt\":\"ho\"}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"stop\":17}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"max_tokens\":1.5}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"temperature\":\"0.5\"}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"max_tokens\":007}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"max_tokens\":3000000000}",
                    "{\"id\":\"1\",\"prompt\":\"hi\",\"temperature\":1e999}",
                    "{\"id\":\"1\",\"messages\":[{\"role\":\"user\"}]}",
                    "{\"id\":\"1\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
                    "{\"id\":\"1\",\"input\":\"hi\"}",
                    "{\"custom_id\":\"1\",\"method\":\"POST\",\"body\":{\"max_completion_tokens\":9}}",
                    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/a\",\"type\":\"b\",\"data\":{}}",
                    "{\"schema\":{},\"payload\":{\"id\":\"1\"}}",
                    "{\"id\":\"1\",\"prompt\":\"hi\"} {\"id\":\"2\"}",
                    "{\"id\":\"1\",\"prompt\":\"hi",
                    "hello");

    static Stream<RecordType<?>> types() {
        return Stream.of(RecordType.REQUEST, RecordType.RESULT, RecordType.FAILURE);
    }

    @Test
    void tablesAreWhatTheCodeSays() throws IOException {
        String page = Files.readString(PAGE);
        String expected = fill(page);
        if (Boolean.getBoolean("millrace.update")) {
            Files.writeString(PAGE, expected);
        } else {
            assertThat(page)
                    .as("run this test with -Dmillrace.update=true, read the difference, commit it")
                    .isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    <T extends SpecificRecordBase> void examplesAreReadAndWrittenAsTheyStand(RecordType<T> type)
            throws Exception {
        RecordCodec<T> codec = RecordCodec.open(type, FormatSettings.JSON, null);
        Matcher blocks =
                Pattern.compile("```json " + type + "\n(.*?)```", Pattern.DOTALL)
                        .matcher(Files.readString(PAGE));
        int examples = 0;
        while (blocks.find()) {
            for (String line : blocks.group(1).lines().toList()) {
                assertThat(new String(codec.encode(codec.decode(line.getBytes(UTF_8))), UTF_8))
                        .isEqualTo(line);
                examples++;
            }
        }
        assertThat(examples).isPositive();
    }

    private static String fill(String page) {
        String filled = between(page, "refused", refusals());
        filled = between(filled, "fingerprints", fingerprints());
        for (RecordType<?> type : types().toList()) {
            String mark = "fields " + type.schema().getName();
            filled = between(filled, mark, fields(type.schema()));
        }
        return filled;
    }

    private static String between(String page, String mark, String content) {
        String start = "<!-- " + mark + " -->\n";
        int from = page.indexOf(start) + start.length();
        int to = page.indexOf("<!-- end -->", from);
        assertThat(from).as(mark).isGreaterThan(start.length());
        assertThat(to).as(mark).isPositive();
        return page.substring(0, from) + content + page.substring(to);
    }

    private static String refusals() {
        StringBuilder table = new StringBuilder("| record | code | message |\n|---|---|---|\n");
        var codec = RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);
        for (String json : REFUSED) {
            CodecException e =
                    catchThrowableOfType(
                            CodecException.class, () -> codec.decode(json.getBytes(UTF_8)));
            table.append("| `").append(json).append("` | `").append(e.code().wireName());
            table.append("` | ").append(e.getMessage()).append(" |\n");
        }
        return table.toString();
    }

    private static String fingerprints() {
        StringBuilder table =
                new StringBuilder("| record | version | fingerprint |\n|---|---|---|\n");
        for (RecordType<?> type : types().toList()) {
            List<Schema> versions = ReleasedSchemas.load(type).versions();
            for (int i = 0; i < versions.size(); i++) {
                table.append(
                        String.format(
                                "| %s | %d | `%016x` |\n",
                                type.schema().getName(),
                                i + 1,
                                ReleasedSchemas.fingerprint(versions.get(i))));
            }
        }
        return table.toString();
    }

    private static String fields(Schema record) {
        StringBuilder text = new StringBuilder(record.getDoc()).append("\n\n");
        Set<Schema> nested = new LinkedHashSet<>();
        table(record, text, nested);
        List<Schema> done = new ArrayList<>();
        while (done.size() < nested.size()) {
            Schema inner = nested.stream().filter(s -> !done.contains(s)).findFirst().orElseThrow();
            done.add(inner);
            text.append("\n`").append(inner.getName()).append("`: ").append(inner.getDoc());
            text.append("\n\n");
            table(inner, text, nested);
        }
        return text.toString();
    }

    private static void table(Schema record, StringBuilder text, Set<Schema> nested) {
        text.append("| field | JSON | |\n|---|---|---|\n");
        for (Schema.Field field : record.getFields()) {
            String form = form(field.schema(), nested);
            boolean needed = !field.hasDefaultValue();
            text.append("| `").append(field.name()).append("` | ").append(form);
            text.append(needed ? ", always there" : "").append(" | ");
            text.append(field.doc()).append(" |\n");
        }
    }

    private static String form(Schema schema, Set<Schema> nested) {
        return switch (schema.getType()) {
            case UNION -> form(schema.getTypes().get(1), nested);
            case ARRAY -> "array of " + form(schema.getElementType(), nested);
            case MAP -> "object, values " + form(schema.getValueType(), nested);
            case RECORD -> {
                nested.add(schema);
                yield "`" + schema.getName() + "`";
            }
            case STRING -> "text";
            case BYTES -> "text, or base64 under the name with `_base64`";
            case INT -> "whole number, 32 bits";
            case LONG -> "whole number, 64 bits";
            case FLOAT, DOUBLE -> "number";
            case BOOLEAN -> "true or false";
            default -> throw new IllegalStateException("no JSON form of " + schema);
        };
    }
}
