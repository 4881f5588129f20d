package io.millrace.jobs.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.engine.Engine;
import io.millrace.operators.request.RequestMapper;
import io.millrace.operators.tool.AnswerReader;
import io.millrace.operators.tool.RequestTools;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Requests and their right answers, as lines of JSON. */
final class TestingAnswers {
    static final Path MODEL = Path.of("..", "models", "triage");

    private static final EngineOptions OPTIONS =
            EngineOptions.of(MODEL.toString()).withDevice(Device.CPU);

    private TestingAnswers() {}

    /** Requests 0 to {@code count - 1}, of all kinds; every fifth has two completions. */
    static List<String> requests(int count) {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String more =
                    switch (i % 5) {
                        case 0 -> ",\"n\":2,\"temperature\":0.8";
                        case 1 -> ",\"logprobs\":2";
                        case 2 -> ",\"metadata\":{\"tenant\":\"17\"}";
                        default -> ",\"temperature\":0";
                    };
            all.add(
                    "{\"id\":\"%d\",\"prompt\":\"%sDear friend, offer %d.\",\"max_tokens\":9,\"ignore_eos\":true%s}"
                            .formatted(i, "Lowest mortgage rates! ".repeat(i), i, more));
        }
        return all;
    }

    /** The answers, in the same order. */
    static List<String> of(List<String> requests) throws Exception {
        return of(requests, null);
    }

    /** The answers of a job with that constraint, null for none. */
    static List<String> of(List<String> requests, Constraint constraint) throws Exception {
        RecordCodec<InferenceRequest> codec =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);
        List<String> all = new ArrayList<>();
        try (Engine engine = Engine.open(OPTIONS)) {
            SamplingParameters defaults =
                    engine.model().defaultSampling().toBuilder().constraint(constraint).build();
            for (String line : requests) {
                InferenceRequest request = codec.decode(line.getBytes(UTF_8));
                GenerationRequest generation =
                        GenerationRequest.of(
                                request.getId(),
                                engine.tokenizer().encode(request.getPrompt()),
                                RequestMapper.sampling(request, defaults));
                all.add(
                        new String(
                                RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null)
                                        .encode(
                                                RequestMapper.result(
                                                        request,
                                                        engine.complete(List.of(generation)).get(0),
                                                        engine.model(),
                                                        new AnswerReader(
                                                                engine.model(),
                                                                engine.tokenizer(),
                                                                new RequestTools(
                                                                        engine.model().toolFormat(),
                                                                        null),
                                                                constraint != null),
                                                        List.of())),
                                UTF_8));
            }
        }
        return all;
    }

    static String fingerprint() throws Exception {
        try (Engine engine = Engine.open(OPTIONS)) {
            return engine.model().fingerprint();
        }
    }
}
