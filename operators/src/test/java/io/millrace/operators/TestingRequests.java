package io.millrace.operators;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Position;
import io.millrace.schemas.InferenceRequest;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Records for tests, and what the {@link TestingEngine} answers to them. */
public final class TestingRequests {
    private TestingRequests() {}

    /** A request that gets exactly {@code tokens} tokens. */
    public static Inbound.Request request(String id, int tokens) {
        return inbound(
                InferenceRequest.newBuilder()
                        .setId(id)
                        .setPrompt("prompt of " + id)
                        .setMaxTokens(tokens)
                        .setIgnoreEos(true)
                        .build());
    }

    /** As {@link #request}, in a long record. */
    public static Inbound.Request longRequest(String id, int tokens) {
        Inbound.Request request = request(id, tokens);
        Origin origin = request.origin();
        byte[] value = Arrays.copyOf(origin.value(), 20_000 + origin.value().length);
        return new Inbound.Request(
                new Origin(
                        origin.source(),
                        origin.position(),
                        origin.timestamp(),
                        origin.key(),
                        origin.headers(),
                        value),
                request.request());
    }

    public static Inbound.Request inbound(InferenceRequest request) {
        return new Inbound.Request(origin(String.valueOf(request.getId())), request);
    }

    public static Origin origin(String id) {
        byte[] bytes = id.getBytes(StandardCharsets.UTF_8);
        return new Origin(
                "prompts",
                new Position.InPartition(3, id.hashCode() & 0xffff),
                1_700_000_000_000L + (id.hashCode() & 0xff),
                bytes,
                List.of(new Origin.Header("trace", bytes), new Origin.Header("none", null)),
                bytes);
    }

    /** The tokens that the request of {@link #request} must get. */
    public static List<Integer> expected(Inbound.Request request) {
        InferenceRequest r = request.request();
        SamplingParameters sampling =
                SamplingParameters.greedy(r.getMaxTokens()).toBuilder().ignoreEos(true).build();
        int[] prompt = r.getPrompt().chars().map(c -> c % TestingEngine.VOCABULARY).toArray();
        int[] tokens = TestingEngine.answer(GenerationRequest.of(r.getId(), prompt, sampling), 0);
        return Arrays.stream(tokens).boxed().toList();
    }

    /** Ids of outcomes. */
    public static String id(Outcome outcome) {
        return outcome instanceof Outcome.Answered answered
                ? answered.result().getId()
                : ((Outcome.Failed) outcome).id();
    }
}
