package io.millrace.operators.inference;

import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.operators.event.EventAnswer;
import io.millrace.operators.event.EventReading;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.InFlightCodec;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.operators.record.SavedBytesSerializer;
import io.millrace.operators.request.WireConstraint;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.state.StateInitializationContext;

/** The requests in flight of the inference operator as operator state. Mailbox thread only. */
final class InFlightState {
    static final String REQUESTS = "in-flight-requests";
    static final String SCHEMAS = "in-flight-schemas";
    static final String MODEL = "in-flight-model";

    private final ListState<byte[]> requests;
    private final ListState<byte[]> schemas;
    private final ListState<byte[]> model;

    /** The job's; null without one. */
    private final io.millrace.schemas.Constraint constraint;

    /** The job's; null without any. */
    private final String tools;

    /** Restored long records, until they are taken. */
    private List<LongElement> longOnes;

    private volatile long savedBytes;

    private InFlightState(
            ListState<byte[]> requests,
            ListState<byte[]> schemas,
            ListState<byte[]> model,
            io.millrace.schemas.Constraint constraint,
            String tools,
            List<LongElement> longOnes) {
        this.requests = requests;
        this.schemas = schemas;
        this.model = model;
        this.constraint = constraint;
        this.tools = tools;
        this.longOnes = longOnes;
    }

    /**
     * @param options the job's
     */
    static InFlightState open(StateInitializationContext context, PipelineOptions options)
            throws Exception {
        OperatorStateStore store = context.getOperatorStateStore();
        return new InFlightState(
                store.getListState(
                        new ListStateDescriptor<>(REQUESTS, SavedBytesSerializer.INSTANCE)),
                store.getUnionListState(
                        new ListStateDescriptor<>(SCHEMAS, BytePrimitiveArraySerializer.INSTANCE)),
                store.getUnionListState(
                        new ListStateDescriptor<>(MODEL, BytePrimitiveArraySerializer.INSTANCE)),
                WireConstraint.write(options.constraint()),
                options.tools(),
                LongRecordState.restore(context));
    }

    /** The restored requests of this subtask, in order of arrival unless it was rescaled. */
    List<InFlight> restore(Restoration restoration) throws Exception {
        InFlightCodec codec = new InFlightCodec(schemas.get());
        for (byte[] element : model.get()) {
            restoration.onModel(codec.decodeModel(element));
        }
        List<InFlight> restored = new ArrayList<>();
        for (InFlightRequest request : inOrder(codec)) {
            restored.add(fromState(request, codec, restoration));
        }
        return restored;
    }

    private List<InFlightRequest> inOrder(InFlightCodec codec) throws Exception {
        // A recreated topic may have the same position twice.
        Map<String, Deque<InFlightRequest>> elsewhere = new LinkedHashMap<>();
        for (LongElement element : longOnes) {
            InFlightRequest request = element.decode(codec);
            elsewhere
                    .computeIfAbsent(InFlightCodec.key(request), key -> new ArrayDeque<>())
                    .add(request);
        }
        longOnes = null;
        List<InFlightRequest> all = new ArrayList<>();
        for (byte[] element : requests.get()) {
            String key = InFlightCodec.reference(element);
            if (key == null) {
                all.add(codec.decode(element));
            } else if (elsewhere.containsKey(key) && !elsewhere.get(key).isEmpty()) {
                all.add(elsewhere.get(key).remove());
            }
        }
        // A rescale distributes the two kinds of state independently.
        elsewhere.values().forEach(all::addAll);
        return all;
    }

    private static InFlight fromState(
            InFlightRequest state, InFlightCodec codec, Restoration restoration)
            throws IOException {
        InFlight record =
                new InFlight(
                        codec.toInbound(state),
                        state.getArrivedMs(),
                        state.getAttempts() + 1,
                        restoration.resume(state));
        record.requestHash = state.getRequestHash();
        if (state.getResult() != null) {
            record.outcome =
                    new Outcome.Answered(
                            record.inbound.origin(),
                            codec.decodeResult(state.getResult()),
                            new RunFacts(
                                    record.arrivedMs,
                                    state.getAdmittedMs(),
                                    state.getFirstTokenMs(),
                                    state.getFinishedMs(),
                                    state.getCachedTokens(),
                                    record.attempts),
                            eventAnswer(record, state.getResultJson()));
        }
        return record;
    }

    /**
     * How a saved answer is put into its event; null without one.
     *
     * @param json whether as JSON; null, in state without it, for what the form says
     */
    private static EventAnswer eventAnswer(InFlight record, Boolean json) {
        EventReading event = InFlightCodec.event(record.inbound);
        return event == null
                ? null
                : new EventAnswer(event, json == null ? event.form().getStructured() : json);
    }

    /**
     * Replaces the state.
     *
     * @param subtask index of this subtask; the first one writes the shared state
     * @return the long records, which are saved as raw state
     */
    List<LongElement> save(Collection<InFlight> inFlight, ModelInfo info, int subtask)
            throws Exception {
        List<byte[]> elements = new ArrayList<>(inFlight.size());
        List<LongElement> left = new ArrayList<>();
        long bytes = 0;
        for (InFlight record : inFlight) {
            InFlightRequest request = toState(record, info);
            byte[] element;
            if (record.inbound.origin().isLong()) {
                element = InFlightCodec.encodeReference(request);
                byte[] value = record.inbound.origin().value();
                left.add(LongElement.of(request, value));
                bytes += value.length;
            } else {
                element = InFlightCodec.encode(request);
            }
            elements.add(element);
            bytes += element.length;
        }
        requests.update(elements);
        savedBytes = bytes;
        schemas.update(
                InFlightCodec.schemas(inFlight.stream().map(record -> record.inbound), subtask));
        model.update(subtask == 0 ? List.of(InFlightCodec.encode(toState(info))) : List.of());
        return left;
    }

    /** Bytes of the requests in flight in the last snapshot, long records included. Any thread. */
    long savedBytes() {
        return savedBytes;
    }

    private InFlightModel toState(ModelInfo info) {
        return new InFlightModel(
                info.name(),
                info.fingerprint(),
                info.parts().model(),
                info.parts().tokenizer(),
                info.parts().kernels(),
                constraint,
                Constraint.VERSION,
                tools);
    }

    private static InFlightRequest toState(InFlight record, ModelInfo model) throws IOException {
        InFlightRequest state;
        if (record.outcome instanceof Outcome.Failed failed) {
            state =
                    InFlightCodec.toState(
                            new Inbound.Rejected(
                                    failed.origin(), failed.id(), failed.code(), failed.message()));
        } else {
            state = InFlightCodec.toState(record.inbound);
            List<List<Integer>> generated = new ArrayList<>();
            // A copy is found again, so that it is counted as one.
            if (record.outcome instanceof Outcome.Answered answered && !record.copy) {
                state.setResult(InFlightCodec.encodeResult(answered.result()));
                if (answered.event() != null) {
                    state.setResultJson(answered.event().json());
                }
                state.setAdmittedMs(answered.facts().admittedMs());
                state.setFirstTokenMs(answered.facts().firstTokenMs());
                state.setFinishedMs(answered.facts().finishedMs());
                state.setCachedTokens(answered.facts().cachedTokens());
            } else {
                for (int[] tokens : record.generated()) {
                    generated.add(Arrays.stream(tokens).boxed().toList());
                }
                state.setRequestHash(generated.isEmpty() ? null : record.requestHash);
                state.setModelFingerprint(model.fingerprint());
                state.setEarlierModels(record.earlier);
            }
            state.setGenerated(generated);
        }
        state.setArrivedMs(record.arrivedMs);
        state.setAttempts(record.attempts);
        return state;
    }
}
