package io.millrace.operators.request;

import static java.util.stream.Collectors.joining;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.ChatTurn;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.operators.record.Origin;
import io.millrace.operators.tool.AnswerReader;
import io.millrace.operators.tool.MessageFields;
import io.millrace.operators.tool.ToolUse;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Completion;
import io.millrace.schemas.EarlierModel;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.TokenLogprobs;
import io.millrace.schemas.TopLogprob;
import io.millrace.schemas.Usage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Converts requests and results between the topics' schemas and the engine's types. Pure functions
 * of (model, request): a result must not depend on the run.
 */
public final class RequestMapper {
    private RequestMapper() {}

    /** The sampling parameters of a request; those it leaves out have the model's defaults. */
    public static SamplingParameters sampling(
            InferenceRequest request, SamplingParameters defaults) {
        SamplingParameters.Builder b = defaults.toBuilder();
        for (Field field : Field.values()) {
            Object value = request.get(field.requestName());
            if (value != null && field != Field.CONSTRAINT) {
                field.set(b, value);
            }
        }
        if (request.getConstraint() != null) {
            b.constraint(WireConstraint.read(request.getConstraint()));
        }
        return b.build();
    }

    /**
     * The conversation of a request. The current time for its chat template is the record's
     * timestamp, so that a replay renders the same prompt.
     *
     * @param tools the request's; null for none
     */
    public static ChatPrompt chat(InferenceRequest request, Origin origin, ToolUse tools) {
        List<ChatTurn> turns = new ArrayList<>(request.getMessages().size());
        for (ChatMessage message : request.getMessages()) {
            turns.add(
                    new ChatTurn(
                            message.getRole(), message.getContent(), MessageFields.of(message)));
        }
        return new ChatPrompt(
                turns,
                tools == null ? List.of() : tools.values(),
                TemplateArguments.read(request.getChatTemplateKwargs()),
                true,
                Instant.ofEpochMilli(origin.timestamp()));
    }

    public static InferenceResult result(
            InferenceRequest request,
            GenerationResult result,
            ModelInfo model,
            AnswerReader reader,
            List<EarlierModel> earlier) {
        List<Completion> completions = new ArrayList<>(result.completions().size());
        int generated = 0;
        for (GenerationResult.Completion c : result.completions()) {
            List<Integer> tokenIds = new ArrayList<>(c.tokenIds().length);
            for (int id : c.tokenIds()) {
                tokenIds.add(id);
            }
            generated += c.tokenIds().length;
            AnswerReader.Parts parts = reader.read(request, c);
            completions.add(
                    new Completion(
                            c.index(),
                            parts.text(),
                            tokenIds,
                            parts.finishReason(),
                            logprobs(c.logprobs()),
                            parts.calls(),
                            parts.error(),
                            parts.reasoning()));
        }
        return new InferenceResult(
                request.getId(),
                model.name(),
                fingerprint(model, earlier),
                completions,
                new Usage(result.promptTokens(), generated),
                request.getMetadata());
    }

    /**
     * The model's fingerprint. If other models began the answer, theirs come first, each with the
     * tokens it generated per completion.
     */
    private static String fingerprint(ModelInfo model, List<EarlierModel> earlier) {
        StringBuilder text = new StringBuilder();
        for (EarlierModel before : earlier) {
            text.append(before.getFingerprint()).append(':');
            text.append(
                    before.getTokens().stream()
                            .map(String::valueOf)
                            .collect(joining(",", "", "+")));
        }
        return text.append(model.fingerprint()).toString();
    }

    private static List<TokenLogprobs> logprobs(List<GenerationResult.TokenLogprobs> positions) {
        if (positions == null) {
            return null;
        }
        List<TokenLogprobs> mapped = new ArrayList<>(positions.size());
        for (GenerationResult.TokenLogprobs p : positions) {
            List<TopLogprob> top = new ArrayList<>(p.topIds().length);
            for (int i = 0; i < p.topIds().length; i++) {
                top.add(new TopLogprob(p.topIds()[i], p.topLogprobs()[i]));
            }
            mapped.add(new TokenLogprobs(p.tokenId(), p.logprob(), top));
        }
        return mapped;
    }
}
