package io.millrace.operators.tool;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.millrace.schemas.Completion;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.List;

/** Writes answers where there is room for one text alone. */
public final class AnswerText {
    private static final JsonFactory JSON = new JsonFactory();

    private AnswerText() {}

    /**
     * A completion's text; where it has calls, a JSON object of content and tool_calls, as in
     * OpenAI's messages.
     */
    public static String of(Completion completion) {
        if (completion.getToolCalls() == null) {
            return completion.getText();
        }
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            String content = completion.getText();
            json.writeStringField("content", content.isEmpty() ? null : Text.writable(content));
            writeCalls(json, completion.getToolCalls());
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("There is no writing to memory.", e);
        }
        return text.toString();
    }

    /** Writes calls as a field of OpenAI's messages. */
    public static void writeCalls(JsonGenerator json, List<ToolCall> calls) throws IOException {
        json.writeArrayFieldStart("tool_calls");
        for (ToolCall call : calls) {
            json.writeStartObject();
            json.writeStringField("id", call.getId());
            json.writeStringField("type", call.getType());
            json.writeObjectFieldStart("function");
            json.writeStringField("name", call.getFunction().getName());
            json.writeStringField("arguments", Text.writable(call.getFunction().getArguments()));
            json.writeEndObject();
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
