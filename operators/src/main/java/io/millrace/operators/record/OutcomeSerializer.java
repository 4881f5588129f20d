package io.millrace.operators.record;

import io.millrace.operators.event.EventAnswer;
import io.millrace.operators.record.Outcome.Computation;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceResult;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Serializer of {@link Outcome}. */
public final class OutcomeSerializer extends WireSerializer<Outcome> {
    private static final long serialVersionUID = 1L;
    public static final OutcomeSerializer INSTANCE = new OutcomeSerializer();

    // Kinds 0 and 1 are those of older releases, which wrote failures without facts; unaligned
    // checkpoints can hold such records.
    private static final int FIRST_ANSWERED = 0;
    private static final int FIRST_FAILED = 1;
    private static final int ANSWERED = 2;
    private static final int FAILED = 3;
    private static final int EVENT = 4;
    private static final int PASSED = 5;
    private static final int SHARED = 6;

    @Override
    public void serialize(Outcome outcome, DataOutputView out) throws IOException {
        if (outcome instanceof Outcome.Answered answered) {
            boolean own = answered.computation() == Computation.OWN;
            out.writeByte(!own ? SHARED : answered.event() == null ? ANSWERED : EVENT);
            Wire.writeOrigin(answered.origin(), out);
            Wire.writeAvro(answered.result(), out);
            writeFacts(answered.facts(), out);
            if (!own) {
                out.writeUTF(answered.computation().name());
                out.writeBoolean(answered.event() != null);
            }
            if (answered.event() != null) {
                Wire.writeEvent(answered.event().reading(), out);
                out.writeBoolean(answered.event().json());
            }
        } else if (outcome instanceof Outcome.Passed passed) {
            out.writeByte(PASSED);
            Wire.writeOrigin(passed.origin(), out);
            writeFacts(passed.facts(), out);
        } else if (outcome instanceof Outcome.Failed failed) {
            out.writeByte(FAILED);
            Wire.writeOrigin(failed.origin(), out);
            Wire.writeString(failed.id(), out);
            Wire.writeString(failed.code().name(), out);
            Wire.writeString(failed.message(), out);
            writeFacts(failed.facts(), out);
        }
    }

    private static void writeFacts(RunFacts facts, DataOutputView out) throws IOException {
        out.writeLong(facts.arrivedMs());
        out.writeLong(facts.admittedMs());
        out.writeLong(facts.firstTokenMs());
        out.writeLong(facts.finishedMs());
        out.writeInt(facts.cachedTokens());
        out.writeInt(facts.attempts());
    }

    private static RunFacts readFacts(DataInputView in) throws IOException {
        return new RunFacts(
                in.readLong(),
                in.readLong(),
                in.readLong(),
                in.readLong(),
                in.readInt(),
                in.readInt());
    }

    @Override
    public Outcome deserialize(DataInputView in) throws IOException {
        int kind = in.readByte();
        Origin origin =
                switch (kind) {
                    case FIRST_ANSWERED, FIRST_FAILED -> Wire.readFirstOrigin(in);
                    case ANSWERED, FAILED, EVENT, PASSED, SHARED -> Wire.readOrigin(in);
                    default -> throw new IOException("Unknown kind of outcome: " + kind + ".");
                };
        return switch (kind) {
            case FIRST_ANSWERED, ANSWERED ->
                    new Outcome.Answered(
                            origin, Wire.readAvro(InferenceResult.class, in), readFacts(in));
            case EVENT ->
                    new Outcome.Answered(
                            origin,
                            Wire.readAvro(InferenceResult.class, in),
                            readFacts(in),
                            new EventAnswer(Wire.readEvent(in), in.readBoolean()));
            case SHARED -> readShared(origin, in);
            case PASSED -> new Outcome.Passed(origin, readFacts(in));
            default ->
                    new Outcome.Failed(
                            origin,
                            Wire.readString(in),
                            FailureCode.valueOf(Wire.readString(in)),
                            Wire.readString(in),
                            kind == FAILED ? readFacts(in) : RunFacts.NONE);
        };
    }

    private static Outcome readShared(Origin origin, DataInputView in) throws IOException {
        InferenceResult result = Wire.readAvro(InferenceResult.class, in);
        RunFacts facts = readFacts(in);
        Computation computation = Computation.valueOf(in.readUTF());
        EventAnswer event =
                in.readBoolean() ? new EventAnswer(Wire.readEvent(in), in.readBoolean()) : null;
        return new Outcome.Answered(origin, result, facts, event, computation);
    }

    @Override
    public TypeSerializerSnapshot<Outcome> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Names this serializer in savepoints. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Outcome> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
