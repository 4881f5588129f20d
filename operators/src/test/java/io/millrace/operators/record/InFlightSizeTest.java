package io.millrace.operators.record;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A request in flight costs a snapshot at most 1.1 times its record, and 512 bytes, and 4 bytes a
 * token: each text lies in it once.
 */
class InFlightSizeTest {
    private static final int MOST_BESIDE = 512;
    private static final int MOST_A_TOKEN = 4;

    /** Sizes whose figures stand in the file of bars. */
    private static final Set<Integer> MEASURED = Set.of(17, 1023, 1_000_000);

    private static final Path BARS = Path.of("../docs/results/bars.json");

    private static final Reading<InferenceRequest> AVRO =
            Reading.avro(RecordType.REQUEST, InferenceRequest.getClassSchema(), 0);

    /** As long as topics may be called. */
    private static final String TOPIC = "t".repeat(249);

    /** One value, and how it is read. */
    private record Written(byte[] value, Reading<InferenceRequest> reading) {}

    /** Takes one shape of a request. */
    private interface Check {
        void check(String shape, InferenceRequest request) throws Exception;
    }

    private static void forEachShape(int size, Check to) throws Exception {
        String ascii = "the quick brown fox ".repeat(size / 20 + 1).substring(0, size);
        String lines = "a\n\"b\"\t".repeat(size / 6 + 1).substring(0, size);
        to.check("prompt", request().setPrompt(ascii).build());
        to.check("escapes", request().setPrompt(lines).build());
        to.check("han", request().setPrompt("世".repeat(size)).build());
        List<ChatMessage> turns = new ArrayList<>();
        for (int i = 0; i <= size / 30; i++) {
            turns.add(
                    new ChatMessage(
                            i % 2 == 0 ? "user" : "assistant", "hi " + i, null, null, null, null));
        }
        to.check("turns", request().setMessages(turns).build());
        List<ChatMessage> texts =
                List.of(
                        new ChatMessage("system", "Be brief.", null, null, null, null),
                        new ChatMessage("user", ascii, null, null, null, null),
                        new ChatMessage("user", lines, null, null, null, null));
        to.check("long turns", request().setMessages(texts).build());
        List<Integer> ids = IntStream.range(0, size / 8 + 1).mapToObj(i -> i % 10).toList();
        to.check("ids", request().setPromptTokenIds(ids).build());
        Map<String, String> tags = new TreeMap<>();
        for (int i = 0; i < size / 17; i++) {
            tags.put("tag " + i, "v");
        }
        to.check("tags", request().setPrompt("p").setMetadata(tags).build());
    }

    private static InferenceRequest.Builder request() {
        return InferenceRequest.newBuilder().setId("r");
    }

    /** The ways in which a record can hold it. */
    private static Map<String, Written> ways(InferenceRequest request) {
        byte[] avro =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.AVRO, null).encode(request);
        byte[] confluent = new byte[avro.length - 5];
        System.arraycopy(avro, 10, confluent, 5, avro.length - 10);
        byte[] bare = Arrays.copyOfRange(avro, 10, avro.length);
        byte[] json =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null).encode(request);
        Map<String, Written> ways = new TreeMap<>();
        ways.put("json", new Written(json, Reading.json(RecordType.REQUEST)));
        ways.put("ascii json", new Written(ascii(json), Reading.json(RecordType.REQUEST)));
        ways.put("avro", new Written(avro, AVRO.after(10)));
        ways.put("confluent", new Written(confluent, AVRO.after(5)));
        ways.put("schema in a header", new Written(bare, AVRO));
        return ways;
    }

    /** As Python writes it: what is not ASCII is escaped. */
    private static byte[] ascii(byte[] json) {
        StringBuilder text = new StringBuilder();
        for (char c : new String(json, UTF_8).toCharArray()) {
            if (c < 0x80) {
                text.append(c);
            } else {
                text.append("\\u%04x".formatted((int) c));
            }
        }
        return text.toString().getBytes(UTF_8);
    }

    private static Origin origin(byte[] value) {
        return new Origin(
                TOPIC,
                new Position.InPartition(Integer.MAX_VALUE, Long.MAX_VALUE),
                1_700_000_000_000L,
                "key".getBytes(UTF_8),
                List.of(new Origin.Header("trace", new byte[97])),
                value);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 17, 54, 97, 1023, 16_384, 1_000_000})
    void eachTextIsStoredOnceAndComesBack(int size) throws Exception {
        double[] worst = {0};
        forEachShape(
                size,
                (shape, request) -> {
                    for (Map.Entry<String, Written> way : ways(request).entrySet()) {
                        double share = check(shape + " as " + way.getKey(), way.getValue());
                        worst[0] = Math.max(worst[0], share);
                    }
                });
        if (MEASURED.contains(size)) {
            assertThat(bar(size))
                    .as("value of docs/results/bars.json; sizes are the same everywhere")
                    .isEqualTo(Math.round(1000 * worst[0]) / 10.0);
        }
    }

    /** What the file of bars has for texts of so many characters. */
    private static double bar(int size) throws IOException {
        String words = "texts of %,d characters: at most 1.1 x".formatted(size);
        for (JsonNode bar : new ObjectMapper().readTree(BARS.toFile())) {
            if (bar.path("bar").asText().contains(words)) {
                return bar.path("value").asDouble();
            }
        }
        throw new AssertionError("no bar with '" + words + "' in " + BARS);
    }

    /**
     * Looks at one request.
     *
     * @return its size, of the most that it may have
     */
    private static double check(String name, Written written) throws Exception {
        byte[] value = written.value();
        Reading<InferenceRequest> reading = written.reading();
        InferenceRequest request = reading.read(value);
        Inbound.Request inbound = new Inbound.Request(origin(value), request, reading);
        // One completion of many tokens and 63 of one, of a large vocabulary.
        List<List<Integer>> generated = new ArrayList<>();
        generated.add(Collections.nCopies(1023, 200_000));
        generated.addAll(Collections.nCopies(63, List.of(151_643)));
        InFlightRequest state = InFlightCodec.toState(inbound);
        state.setGenerated(generated);
        state.setModelFingerprint("f".repeat(64));
        state.setArrivedMs(1_700_000_000_000L);
        state.setAttempts(1023);
        byte[] element = InFlightCodec.encode(state);
        // Key and header: what a record has beside its value.
        double record = value.length + 3 + 5 + 97;
        int tokens = 1023 + 63;
        double most = 1.1 * record + MOST_BESIDE + MOST_A_TOKEN * tokens;
        assertThat((double) element.length).as(name).isLessThanOrEqualTo(most);

        InFlightCodec codec = new InFlightCodec(InFlightCodec.schemas(Stream.of(inbound), 1));
        InFlightRequest read = codec.decode(element);
        assertThat(read.getGenerated()).as(name).isEqualTo(generated);
        Inbound.Request back = (Inbound.Request) codec.toInbound(read);
        // No assertion looks into what is large: one that fails would print it.
        assertThat(back.request().equals(request)).as(name).isTrue();
        assertSameOrigin(name, back.origin(), inbound.origin());

        InFlightRequest again = InFlightCodec.toState(back);
        again.setGenerated(generated);
        again.setModelFingerprint(state.getModelFingerprint());
        again.setArrivedMs(state.getArrivedMs());
        again.setAttempts(1023);
        assertThat(Arrays.equals(InFlightCodec.encode(again), element))
                .as(name + ", restored")
                .isTrue();
        return element.length / most;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 17, 54, 97, 1023, 1_000_000})
    void aRejectionStoresItsRecordOnce(int size) throws Exception {
        Inbound rejected =
                new Inbound.Rejected(
                        origin(new byte[size]), "id", FailureCode.UNREADABLE, "no request");
        byte[] element = InFlightCodec.encode(InFlightCodec.toState(rejected));
        assertThat((double) element.length).isLessThanOrEqualTo(1.1 * (size + 105) + MOST_BESIDE);
        InFlightCodec codec = new InFlightCodec(List.of());
        Inbound.Rejected back = (Inbound.Rejected) codec.toInbound(codec.decode(element));
        assertSameOrigin("rejection", back.origin(), rejected.origin());
        assertThat(back.id()).isEqualTo("id");
        assertThat(back.code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(back.message()).isEqualTo("no request");
    }

    private static void assertSameOrigin(String name, Origin read, Origin written) {
        assertThat(Arrays.equals(read.value(), written.value())).as(name).isTrue();
        assertThat(read)
                .as(name)
                .usingRecursiveComparison()
                .ignoringFields("value")
                .isEqualTo(written);
    }
}
