package io.millrace.operators.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.prompt.PromptTemplate;
import io.millrace.operators.request.openai.Endpoint;
import io.millrace.operators.request.openai.RequestBody;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.json.JsonTree;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.text.Text;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;

/** Makes the request of an event that was parsed. Any thread. */
final class EventRequests {
    private static final Reading<InferenceRequest> REQUEST = Reading.json(RecordType.REQUEST);

    /** All characters beyond ASCII are escaped, so that half a surrogate pair can be written. */
    private static final JsonMapper ASCII =
            JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    /** Stands for the id of requests that are read for their other fields. */
    private static final String ID = "event";

    private final EventForm form;
    private final IdSource id;
    private final FieldPath promptField;

    /** Of the prompt or of the conversation; null with a field. */
    private final PromptTemplate template;

    private final Map<String, FieldPath> parameters = new LinkedHashMap<>();

    /**
     * @throws IllegalArgumentException a path or the template is malformed
     */
    EventRequests(EventForm form) {
        this.form = form;
        this.id = IdSource.parse(form.getIdFrom());
        this.promptField =
                form.getPromptField() == null
                        ? null
                        : FieldPath.parse("--prompt-field", form.getPromptField());
        String source =
                form.getPromptTemplate() == null
                        ? form.getChatTemplate()
                        : form.getPromptTemplate();
        this.template = source == null ? null : PromptTemplate.parse(source);
        form.getParameterFields()
                .forEach(
                        (name, path) ->
                                parameters.put(
                                        name, FieldPath.parse("--parameter-field " + name, path)));
    }

    boolean idIsField() {
        return id instanceof IdSource.ByField;
    }

    String id(EventRecord record, Map<String, Object> event) throws CodecException {
        return id.of(record, event);
    }

    /** Empty where {@code briefly} is not enough. */
    Optional<InferenceRequest> request(
            EventRecord record, Map<String, Object> event, String id, boolean briefly)
            throws CodecException {
        String prompt;
        if (form.getOpenaiBody()) {
            InferenceRequest request = InferenceRequest.newBuilder(form.getDefaults()).build();
            request.setId(id);
            set(request, body(event), "--openai-body");
            return Optional.of(request);
        }
        if (promptField != null) {
            prompt = field(event);
        } else {
            Optional<String> rendered = rendered(record, event, briefly);
            if (rendered.isEmpty()) {
                return Optional.empty();
            }
            prompt = rendered.get();
        }
        InferenceRequest request = InferenceRequest.newBuilder(form.getDefaults()).build();
        request.setId(id);
        setParameters(request, event);
        setPrompt(request, prompt);
        return Optional.of(request);
    }

    /** The request of a body of OpenAI's API, but for the field that the answer is in. */
    private byte[] body(Map<String, Object> event) throws CodecException {
        ObjectNode body = ASCII.valueToTree(event);
        if (form.getResultField() != null) {
            body.remove(FieldPath.parse("--result-field", form.getResultField()).names().get(0));
        }
        return RequestBody.request(body, Endpoint.of(body), ID);
    }

    private String field(Map<String, Object> event) throws CodecException {
        Object value = promptField.of(event);
        if (value == null) {
            throw fault(
                    FailureCode.EMPTY_PROMPT,
                    "field %s, which --prompt-field names, is %s"
                            .formatted(promptField, promptField.isIn(event) ? "null" : "missing"));
        }
        if (!(value instanceof String text)) {
            throw fault(
                    FailureCode.INVALID_PARAMETER,
                    "field %s, which --prompt-field names, is %s: a prompt is text; write a"
                                    .formatted(promptField, Kinds.of(value))
                            + " --prompt-template to render other values");
        }
        return wellFormed(text, "field " + promptField);
    }

    private Optional<String> rendered(
            EventRecord record, Map<String, Object> event, boolean briefly) throws CodecException {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("event", event);
        values.put("record", beside(record));
        Instant clock = Instant.ofEpochMilli(record.timestamp());
        try {
            Optional<String> text =
                    briefly
                            ? template.renderBriefly(values, clock)
                            : Optional.of(template.render(values, clock));
            return text.isEmpty()
                    ? text
                    : Optional.of(wellFormed(text.get(), "the template's text"));
        } catch (RequestRejectedException e) {
            throw fault(FailureCode.TEMPLATE_FAILED, e.getMessage());
        }
    }

    /** What stands beside the event. What is null, or no text, is left out: its use is an error. */
    private static Map<String, Object> beside(EventRecord record) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("topic", record.topic());
        values.put("partition", record.partition());
        values.put("offset", record.offset());
        values.put("timestamp", record.timestamp());
        putText(values, "key", record.key());
        Map<String, Object> headers = new LinkedHashMap<>();
        record.headers().forEach((name, value) -> putText(headers, name, value));
        values.put("headers", headers);
        return values;
    }

    private static void putText(Map<String, Object> values, String name, byte[] bytes) {
        String text = bytes == null ? null : Text.decode(bytes, 0, bytes.length);
        if (text != null) {
            values.put(name, text);
        }
    }

    private static String wellFormed(String text, String what) throws CodecException {
        int lone = Text.firstLoneSurrogate(text);
        if (lone >= 0) {
            throw fault(
                    FailureCode.INVALID_PARAMETER,
                    "%s has half of a surrogate pair (\\u%04x) at character %d, which is no text"
                            .formatted(what, (int) text.charAt(lone), lone));
        }
        return text;
    }

    private void setPrompt(InferenceRequest request, String prompt) throws CodecException {
        if (form.getChatTemplate() != null) {
            request.setMessages(messages(prompt));
            return;
        }
        if (prompt.isEmpty()) {
            throw fault(
                    FailureCode.EMPTY_PROMPT,
                    promptField != null
                            ? "field %s, which --prompt-field names, is empty"
                                    .formatted(promptField)
                            : "the template of --prompt-template renders no text of this event");
        }
        if (form.getChat()) {
            List<ChatMessage> messages = new ArrayList<>(2);
            if (form.getSystem() != null) {
                messages.add(new ChatMessage("system", form.getSystem(), null, null, null, null));
            }
            messages.add(new ChatMessage("user", prompt, null, null, null, null));
            request.setMessages(messages);
        } else {
            request.setPrompt(prompt);
        }
    }

    private static List<ChatMessage> messages(String text) throws CodecException {
        try {
            byte[] alone = ("{\"messages\":" + text + "}").getBytes(StandardCharsets.UTF_8);
            if (JsonTree.read(alone, null).size() != 1) {
                throw fault(FailureCode.UNREADABLE, "there is more after the array");
            }
            byte[] request =
                    ("{\"id\":\"event\",\"messages\":" + text + "}")
                            .getBytes(StandardCharsets.UTF_8);
            List<ChatMessage> messages = REQUEST.read(request).getMessages();
            if (messages == null) {
                throw fault(FailureCode.UNREADABLE, "it is null");
            }
            return messages;
        } catch (CodecException e) {
            throw fault(
                    FailureCode.TEMPLATE_FAILED,
                    "the text of --chat-template-file is no JSON array of messages: "
                            + e.getMessage());
        }
    }

    /** The event's own parameters, before the job's. */
    private void setParameters(InferenceRequest request, Map<String, Object> event)
            throws CodecException {
        Map<String, Object> given = new LinkedHashMap<>();
        for (Map.Entry<String, FieldPath> parameter : parameters.entrySet()) {
            Object value = parameter.getValue().of(event);
            if (value != null) {
                given.put(parameter.getKey(), value);
            }
        }
        if (!given.isEmpty()) {
            given.put("id", ID);
            set(request, json(given), "--parameter-field " + parameters);
        }
    }

    /**
     * Sets fields of a request, checked.
     *
     * @param given a request as JSON, with an id that stands for none
     * @param by the option that they are of
     */
    private static void set(InferenceRequest request, byte[] given, String by)
            throws CodecException {
        try {
            InferenceRequest own = REQUEST.read(given);
            own.setId(request.getId());
            for (Schema.Field field : own.getSchema().getFields()) {
                if (own.get(field.pos()) != null) {
                    request.put(field.pos(), own.get(field.pos()));
                }
            }
        } catch (CodecException e) {
            throw fault(e.code(), e.getMessage() + " (by " + by + ")");
        }
    }

    private static byte[] json(Map<String, Object> values) {
        try {
            return ASCII.writeValueAsBytes(values);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("What was read as JSON cannot be written.", e);
        }
    }

    private static CodecException fault(FailureCode code, String message) {
        return new CodecException(code, message, null);
    }
}
