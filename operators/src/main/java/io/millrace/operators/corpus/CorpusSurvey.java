package io.millrace.operators.corpus;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.engine.ModelPreview;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.TokenEstimate;
import io.millrace.operators.request.RequestFaults;
import io.millrace.operators.request.RequestMapper;
import io.millrace.operators.tool.RequestTools;
import io.millrace.operators.tool.ToolUse;
import io.millrace.schemas.InferenceRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Counts rows and tokens of files as a job would meet them, without a model's weights and without
 * an answer. One thread.
 */
public final class CorpusSurvey {
    private final RequestTemplate template;
    private final String modelName;
    private final ModelPreview model;
    private final RequestTools tools;
    private final long maxPromptBytes;
    private long rows;
    private long failures;
    private long unreadableFiles;
    private long promptTokens;
    private long maxAnswerTokens;

    /**
     * What was counted.
     *
     * @param failures of the rows, those that are known without an engine
     * @param unreadableFiles files that cannot be read to their end; their rows are counted up to
     *     there
     * @param promptTokens of all prompts that are no failures
     * @param maxAnswerTokens of their answers, if each is as long as it may be
     */
    public record Counts(
            long rows,
            long failures,
            long unreadableFiles,
            long promptTokens,
            long maxAnswerTokens) {}

    /**
     * @param modelName that requests may name
     * @param maxPromptBytes maximum bytes of a prompt's text
     */
    public CorpusSurvey(
            RequestTemplate template, String modelName, ModelPreview model, long maxPromptBytes) {
        this.template = template;
        this.modelName = modelName;
        this.model = model;
        this.tools = new RequestTools(model.toolFormat(), null);
        this.maxPromptBytes = maxPromptBytes;
    }

    /** Counts one more file. */
    public void add(InputFile file) throws IOException {
        try (RowReader reader =
                RowFiles.open(file.format(), Path.of(file.path()), RowPosition.START)) {
            RowForm form = RowFiles.form(file.format(), reader.header(), template.columns());
            RowRequests requests = new RowRequests(file, form, template);
            while (!reader.seek()) {
                continue;
            }
            for (Row row = reader.next(); row != null; row = reader.next()) {
                if (row != Row.PENDING) {
                    rows++;
                    failures += count(requests.of(row)) ? 0 : 1;
                }
            }
        } catch (UnreadableFileException e) {
            unreadableFiles++;
        }
    }

    /** Of all files so far. */
    public Counts counts() {
        return new Counts(rows, failures, unreadableFiles, promptTokens, maxAnswerTokens);
    }

    /** Whether the row can be answered. */
    private boolean count(Inbound inbound) {
        if (!(inbound instanceof Inbound.Request read)
                || !RequestFaults.of(read.request(), modelName).isEmpty()) {
            return false;
        }
        InferenceRequest request = read.request();
        try {
            long prompt = promptTokens(read);
            if (prompt == 0 || prompt >= model.maxModelLen()) {
                return false;
            }
            SamplingParameters sampling = RequestMapper.sampling(request, model.defaultSampling());
            promptTokens += prompt;
            maxAnswerTokens +=
                    sampling.n() * Math.min(sampling.maxTokens(), model.maxModelLen() - prompt);
            return true;
        } catch (RequestRejectedException e) {
            return false;
        }
    }

    private long promptTokens(Inbound.Request read) throws RequestRejectedException {
        InferenceRequest request = read.request();
        if (request.getPromptTokenIds() != null) {
            return request.getPromptTokenIds().size();
        }
        // No Java character takes more than three bytes of UTF-8.
        if (TokenEstimate.characters(request) > maxPromptBytes / 3
                && bytes(request) > maxPromptBytes) {
            return model.maxModelLen();
        }
        if (request.getPrompt() != null) {
            return model.tokenizer().encode(request.getPrompt()).length;
        }
        ToolUse use = tools.of(request);
        String rendered = model.renderChat(RequestMapper.chat(request, read.origin(), use));
        rendered = use == null ? rendered : use.opened(rendered);
        return model.tokenizer().encodeRendered(rendered).length;
    }

    private static long bytes(InferenceRequest request) {
        if (request.getPrompt() != null) {
            return request.getPrompt().getBytes(StandardCharsets.UTF_8).length;
        }
        return request.getMessages().stream()
                .mapToLong(each -> each.getContent().getBytes(StandardCharsets.UTF_8).length)
                .sum();
    }
}
