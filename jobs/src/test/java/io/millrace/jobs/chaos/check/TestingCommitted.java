package io.millrace.jobs.chaos.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Answers as a job would have committed them. */
final class TestingCommitted {
    private TestingCommitted() {}

    static List<Committed> answers(int count) {
        List<Committed> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(answer(i));
        }
        return all;
    }

    private static Committed answer(int number) {
        List<Integer> tokens =
                IntStream.range(number, number + PromptSet.NEW_TOKENS).boxed().toList();
        InferenceResult result =
                InferenceResult.newBuilder()
                        .setId("request-" + number)
                        .setModel("triage")
                        .setModelFingerprint("5f1d")
                        .setCompletions(
                                List.of(
                                        new Completion(
                                                0, "hi", tokens, "length", null, null, null, null)))
                        .setUsage(new Usage(17, PromptSet.NEW_TOKENS))
                        .build();
        byte[] value =
                RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null).encode(result);
        byte[] key = number % 17 == 16 ? null : ("key-" + number).getBytes(UTF_8);
        return new Committed(result.getId(), result, null, key, value, 17, 54, 0);
    }
}
