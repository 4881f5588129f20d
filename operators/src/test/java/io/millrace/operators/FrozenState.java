package io.millrace.operators;

import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.EncoderFactory;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;

/**
 * State as each release wrote it, kept for good: {@code frozen/N} among the test resources. Made by
 * {@link FrozenStateTest} with {@code -Dmillrace.freeze=N}, never overwritten.
 */
final class FrozenState {
    private static final Path FOLDER = Path.of("src/test/resources/frozen");

    /** Steps that the engine ran before the snapshot. */
    static final int STEPS = 7;

    /** The first requests only; those behind them wait until one has ended. */
    static final int MAX_SEQUENCES = 7;

    /** The first release whose requests are read out of their records again. */
    private static final int READ_AGAIN = 3;

    private FrozenState() {}

    /** Every release that has frozen state. */
    static IntStream releases() {
        return IntStream.iterate(1, n -> Files.isDirectory(FOLDER.resolve("" + n)), n -> n + 1);
    }

    /** What was in flight: one record of each kind that the release had. */
    static List<Inbound> records(int release) {
        List<Inbound> records = new ArrayList<>(records());
        if (release >= READ_AGAIN) {
            records.add(written("of json", FormatSettings.JSON));
            records.add(written("of avro", FormatSettings.AVRO));
        }
        return records;
    }

    private static List<Inbound> records() {
        return List.of(
                TestingRequests.request("half answered", 54),
                TestingRequests.inbound(
                        InferenceRequest.newBuilder()
                                .setId("three completions")
                                .setPromptTokenIds(List.of(1, 17, 54))
                                .setMaxTokens(30)
                                .setTemperature(0.7)
                                .setSeed(97L)
                                .setN(3)
                                .build()),
                TestingRequests.request("waits for its turn", 2),
                new Inbound.Rejected(
                        TestingRequests.origin("bad"), null, FailureCode.UNKNOWN_FIELD, "why"),
                TestingRequests.inbound(everyField()),
                TestingRequests.inbound(
                        InferenceRequest.newBuilder()
                                .setId("conversation")
                                .setMessages(
                                        List.of(
                                                new ChatMessage(
                                                        "system",
                                                        "Be brief.",
                                                        null,
                                                        null,
                                                        null,
                                                        null),
                                                new ChatMessage(
                                                        "user",
                                                        "Grüße, 世界!",
                                                        null,
                                                        null,
                                                        null,
                                                        null)))
                                .setMaxTokens(23)
                                .setIgnoreEos(true)
                                .build()),
                TestingRequests.request("has no token yet", 17),
                TestingRequests.request("also last", 1));
    }

    /** A request that its record's value tells, as on a topic. */
    private static Inbound written(String id, FormatSettings format) {
        RecordCodec<InferenceRequest> codec = RecordCodec.open(RecordType.REQUEST, format, null);
        InferenceRequest request = everyField();
        request.setId(id);
        byte[] value = format == FormatSettings.AVRO ? firstAvro(request) : codec.encode(request);
        Origin origin = TestingRequests.origin(id);
        try {
            Reading<InferenceRequest> reading = codec.reading(value, null);
            return new Inbound.Request(
                    new Origin(
                            origin.source(),
                            origin.position(),
                            origin.timestamp(),
                            origin.key(),
                            origin.headers(),
                            value),
                    reading.read(value),
                    reading);
        } catch (CodecException e) {
            throw new AssertionError(e);
        }
    }

    /** In the first version of its schema, which was the only one when state was frozen. */
    private static byte[] firstAvro(InferenceRequest request) {
        Schema first = ReleasedSchemas.load(RecordType.REQUEST).versions().get(0);
        GenericRecord record = new GenericData.Record(first);
        for (Schema.Field field : first.getFields()) {
            record.put(field.name(), request.get(field.name()));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteBuffer header = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN);
        header.put((byte) 0xC3).put((byte) 1).putLong(ReleasedSchemas.fingerprint(first));
        out.writeBytes(header.array());
        try {
            new GenericDatumWriter<GenericRecord>(first)
                    .write(record, EncoderFactory.get().directBinaryEncoder(out, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static InferenceRequest everyField() {
        return InferenceRequest.newBuilder()
                .setId("every field")
                .setPrompt("prompt")
                .setModel(TestingEngine.MODEL)
                .setMaxTokens(40)
                .setTemperature(1.5)
                .setTopP(0.9)
                .setTopK(50)
                .setMinP(0.01)
                .setRepetitionPenalty(1.1)
                .setPresencePenalty(0.5)
                .setFrequencyPenalty(-0.5)
                .setSeed(-1L)
                .setStop(List.of("\n\n", "END"))
                .setStopTokenIds(List.of(3, 5))
                .setIgnoreEos(true)
                .setN(2)
                .setLogprobs(3)
                .setConstraint(new Constraint(List.of("ham", "spam"), null, null))
                .setPriority(-1)
                .setDeadlineMs(4_102_444_800_000L)
                .setRoutingKey("tenant")
                .setMetadata(Map.of("tenant", "17"))
                .build();
    }

    static OperatorSubtaskState read(int release, String name) throws Exception {
        return OperatorSnapshotUtil.readStateHandle(file(release, name).toString());
    }

    static void write(int release, String name, OperatorSubtaskState state) throws IOException {
        Path file = file(release, name);
        if (Files.exists(file)) {
            throw new AssertionError(file + " is frozen: freeze the next number.");
        }
        Files.createDirectories(file.getParent());
        OperatorSnapshotUtil.writeStateHandle(state, file.toString());
    }

    private static Path file(int release, String name) {
        return FOLDER.resolve("" + release).resolve(name + ".snapshot");
    }
}
