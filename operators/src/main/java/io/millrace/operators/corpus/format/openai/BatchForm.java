package io.millrace.operators.corpus.format.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.text.LineForm;
import io.millrace.operators.request.openai.Endpoint;
import io.millrace.operators.request.openai.RequestBody;
import io.millrace.schemas.codec.record.CodecException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * Lines of OpenAI's batch files. A line with an answer has the fields of its output files in their
 * order. Ids of the answer are made of the request's.
 */
public final class BatchForm implements LineForm {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int OK = 200;

    private final long createdSeconds;

    /**
     * @param createdSeconds when answers were made as they say it, seconds since 1970
     */
    public BatchForm(long createdSeconds) {
        this.createdSeconds = createdSeconds;
    }

    @Override
    public byte[] header() {
        return new byte[0];
    }

    @Override
    public Fields read(byte[] row) throws CodecException {
        BatchLine line = BatchLine.read(row);
        return new Fields(null, null, RequestBody.request(line.body(), line.endpoint(), "row"));
    }

    /**
     * @param answers one, of {@link AnsweredRequest#json}
     */
    @Override
    public byte[] write(byte[] row, List<String> answers) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            BatchLine line = BatchLine.read(row);
            AnsweredRequest answer = AnsweredRequest.read(answers.get(0));
            json.writeStartObject();
            json.writeStringField("id", BatchErrors.LINE_ID + answer.id());
            json.writeStringField(BatchLine.CUSTOM_ID, line.customId());
            json.writeObjectFieldStart("response");
            json.writeNumberField("status_code", OK);
            json.writeStringField("request_id", BatchErrors.REQUEST_ID + answer.id());
            json.writeObjectFieldStart("body");
            writeBody(json, line.endpoint(), answer);
            json.writeEndObject();
            json.writeEndObject();
            json.writeNullField("error");
            json.writeEndObject();
            json.writeRaw('\n');
        } catch (IOException | CodecException e) {
            throw new UncheckedIOException(
                    new IOException("A row that was read cannot be read.", e));
        }
        return bytes.toByteArray();
    }

    private void writeBody(JsonGenerator json, Endpoint endpoint, AnsweredRequest answer)
            throws IOException {
        boolean chat = endpoint == Endpoint.CHAT;
        json.writeStringField("id", (chat ? "chatcmpl-" : "cmpl-") + answer.id());
        json.writeStringField("object", chat ? "chat.completion" : "text_completion");
        json.writeNumberField("created", createdSeconds);
        json.writeStringField("model", answer.model());
        json.writeArrayFieldStart("choices");
        for (int i = 0; i < answer.choices().size(); i++) {
            AnsweredRequest.Choice choice = answer.choices().get(i);
            json.writeStartObject();
            if (chat) {
                json.writeNumberField("index", i);
                json.writeObjectFieldStart("message");
                json.writeStringField("role", "assistant");
                writeMessage(json, choice);
                json.writeEndObject();
            } else {
                json.writeStringField("text", choice.text());
                json.writeNumberField("index", i);
            }
            json.writeNullField("logprobs");
            // The reasons have the same names: stop, length and tool_calls.
            json.writeStringField("finish_reason", choice.finishReason());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeObjectFieldStart("usage");
        json.writeNumberField("prompt_tokens", answer.promptTokens());
        json.writeNumberField("completion_tokens", answer.completionTokens());
        json.writeNumberField("total_tokens", answer.promptTokens() + answer.completionTokens());
        json.writeEndObject();
        json.writeStringField("system_fingerprint", answer.fingerprint());
    }

    private static void writeMessage(JsonGenerator json, AnsweredRequest.Choice choice)
            throws IOException {
        boolean calls = choice.toolCalls() != null;
        json.writeStringField("content", calls && choice.text().isEmpty() ? null : choice.text());
        if (choice.reasoning() != null) {
            json.writeStringField(AnsweredRequest.REASONING, choice.reasoning());
        }
        json.writeNullField("refusal");
        if (calls) {
            json.writeFieldName(AnsweredRequest.TOOL_CALLS);
            json.writeRawValue(choice.toolCalls().toString());
        }
    }
}
