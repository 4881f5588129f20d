package io.millrace.jobs;

import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Makes the result record of an answer outside of Kafka. */
final class ResultRecords {
    private ResultRecords() {}

    /** The record as one line of JSON. */
    static String json(ModelInfo model, String id, GenerationResult result) {
        List<Completion> completions =
                result.completions().stream().map(ResultRecords::completion).toList();
        int tokens = result.completions().stream().mapToInt(c -> c.tokenIds().length).sum();
        InferenceResult record =
                InferenceResult.newBuilder()
                        .setId(id)
                        .setModel(model.name())
                        .setModelFingerprint(model.fingerprint())
                        .setCompletions(completions)
                        .setUsage(new Usage(result.promptTokens(), tokens))
                        .build();
        byte[] bytes =
                RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null).encode(record);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static Completion completion(GenerationResult.Completion completion) {
        return Completion.newBuilder()
                .setIndex(completion.index())
                .setText(completion.text())
                .setTokenIds(Arrays.stream(completion.tokenIds()).boxed().toList())
                .setFinishReason(completion.finishReason().wireName())
                .build();
    }
}
