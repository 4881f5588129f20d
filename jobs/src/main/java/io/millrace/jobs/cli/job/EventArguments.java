package io.millrace.jobs.cli.job;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.prompt.PromptTemplate;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.SamplingFlags;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.text.NearestName;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options by which a job reads events of any schema, and puts the answers into them. */
final class EventArguments {
    private static final String DEFAULT_RESULT = "answer";

    /** Of a request, but not of an event: made by the options here, or without a place in it. */
    private static final Set<String> MADE =
            Set.of(
                    "id",
                    "prompt",
                    "messages",
                    "prompt_token_ids",
                    "metadata",
                    "routing_key",
                    "logprobs");

    /** JSON names of constraint. */
    private static final Set<String> OTHER_NAMES = Set.of("response_format", "structured_outputs");

    @Option(
            names = "--prompt-field",
            paramLabel = "PATH",
            description =
                    "Reads events instead of requests: JSON objects of any fields. The prompt is this"
                            + " field, text; names with dots between lead into objects (mail.body).")
    private String promptField;

    @Option(
            names = "--prompt-template",
            paramLabel = "FILE",
            description =
                    "Reads events; the prompt is what this Jinja template makes of event (its fields)"
                            + " and record (key, headers, timestamp, topic, partition, offset).")
    private Path promptTemplate;

    @Option(
            names = "--chat-template-file",
            paramLabel = "FILE",
            description =
                    "Reads events; this Jinja template writes the conversation, a JSON array of"
                            + " messages such as [{\"role\":\"user\",\"content\":{{ event.text |"
                            + " tojson }}}].")
    private Path chatTemplate;

    @Option(
            names = "--openai-body",
            description =
                    "Reads events that are bodies of requests to OpenAI's API: messages or prompt, and"
                            + " parameters under OpenAI's names.")
    private boolean openAiBody;

    @Option(
            names = "--chat",
            description =
                    "The prompt is a user's message, in the model's chat template. With --prompt-field"
                            + " or --prompt-template.")
    private boolean chat;

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "System message before the user's, with --chat.")
    private String system;

    @Option(
            names = "--unwrap",
            paramLabel = "cloudevents|debezium|connect",
            description =
                    "Finds the event in its envelope, and puts it into a new one with its answer:"
                            + " CloudEvents in structured mode, Debezium's changes, or Connect's schema"
                            + " and payload.")
    private String unwrap;

    @Option(
            names = "--id-from",
            paramLabel = "key|header:NAME|field:PATH",
            description =
                    "Where an event's id comes from, of which draws without a seed are made; by"
                            + " default its topic/partition/offset.")
    private String idFrom;

    @Option(
            names = "--parameter-field",
            paramLabel = "NAME=PATH",
            description =
                    "Takes a parameter of requests, such as max_tokens, from a field of the event if"
                            + " that has it; may be repeated.")
    private Map<String, String> parameterFields = new LinkedHashMap<>();

    @Option(
            names = "--result-field",
            paramLabel = "PATH",
            description =
                    "Field of the event that takes the answer (default: answer). Text; with"
                            + " --json-schema the JSON value.")
    private String resultField;

    @Option(
            names = "--overwrite",
            description = "Lets the answer take the place of what --result-field has already.")
    private boolean overwrite;

    @Option(
            names = "--replace-event",
            description = "The answer takes the place of the whole event.")
    private boolean replaceEvent;

    @Option(
            names = "--input-schema",
            paramLabel = "FILE,...",
            split = ",",
            hideParamSyntax = true,
            description =
                    "Avro schemas that events may have been written by, the newest last; with --format"
                            + " avro.")
    private List<Path> inputSchema = List.of();

    @Option(
            names = "--output-schema",
            paramLabel = "FILE",
            description =
                    "File that the schema of events with their answers is written to, with --format"
                            + " avro; by default TOPIC-value.avsc in the data folder.")
    private Path outputSchema;

    @Mixin private SamplingFlags sampling = new SamplingFlags();

    /**
     * How events are read; null where records are requests.
     *
     * @param constraint the job's, or null
     * @param format of the events
     * @param applicationId the job's, which names the source of new CloudEvents
     * @throws CommandFailedException options that do not go together, or a template that cannot be
     *     read
     */
    EventForm form(Constraint constraint, WireFormat format, String applicationId) {
        List<String> prompts = prompts();
        if (prompts.isEmpty()) {
            refuseWithoutEvents();
            return null;
        }
        if (prompts.size() > 1) {
            throw new CommandFailedException(
                    "Give one of " + String.join(" and ", prompts) + ": a prompt has one source.");
        }
        if (chat && chatTemplate != null) {
            throw new CommandFailedException(
                    "--chat does not go with --chat-template-file, which writes all messages:"
                            + " leave it out.");
        }
        if (openAiBody && (chat || !parameterFields.isEmpty())) {
            throw new CommandFailedException(
                    "%s does not go with --openai-body, which says it itself: leave it out."
                            .formatted(chat ? "--chat" : "--parameter-field"));
        }
        if (system != null && !chat) {
            throw new CommandFailedException("--system needs --chat.");
        }
        if (replaceEvent && (resultField != null || overwrite)) {
            throw new CommandFailedException(
                    "--replace-event leaves no event for %s: give one of the two."
                            .formatted(resultField != null ? "--result-field" : "--overwrite"));
        }
        if (replaceEvent && "connect".equals(unwrap)) {
            throw new CommandFailedException(
                    "--replace-event does not go with --unwrap connect, whose schema is of the event:"
                            + " give --result-field.");
        }
        sampling.check(constraint);
        checkParameters();
        checkFormat(format);
        List<String> schemas = inputSchemas();
        InferenceRequest defaults = InferenceRequest.newBuilder().setId("event").build();
        sampling.set(defaults);
        return EventForm.newBuilder()
                .setPromptField(promptField)
                .setPromptTemplate(read("--prompt-template", promptTemplate))
                .setChatTemplate(read("--chat-template-file", chatTemplate))
                .setOpenaiBody(openAiBody)
                .setChat(chat)
                .setSystem(system)
                .setIdFrom(idFrom)
                .setParameterFields(new HashMap<>(parameterFields))
                .setDefaults(defaults)
                .setResultField(
                        replaceEvent ? null : resultField == null ? DEFAULT_RESULT : resultField)
                .setOverwrite(overwrite)
                .setUnwrap(unwrap)
                .setSource("/millrace/" + applicationId)
                .setReaderSchema(schemas.isEmpty() ? null : schemas.get(schemas.size() - 1))
                .setStructured(constraint instanceof Constraint.JsonSchema)
                .build();
    }

    private List<String> prompts() {
        List<String> given = new ArrayList<>();
        if (promptField != null) {
            given.add("--prompt-field");
        }
        if (promptTemplate != null) {
            given.add("--prompt-template");
        }
        if (chatTemplate != null) {
            given.add("--chat-template-file");
        }
        if (openAiBody) {
            given.add("--openai-body");
        }
        return given;
    }

    /** Nothing that would change answers is ignored. */
    private void refuseWithoutEvents() {
        Map<String, Boolean> given = new LinkedHashMap<>();
        given.put("--chat", chat);
        given.put("--system", system != null);
        given.put("--unwrap", unwrap != null);
        given.put("--id-from", idFrom != null);
        given.put("--parameter-field", !parameterFields.isEmpty());
        given.put("--result-field", resultField != null);
        given.put("--overwrite", overwrite);
        given.put("--replace-event", replaceEvent);
        given.put("--input-schema", !inputSchema.isEmpty());
        given.put("--output-schema", outputSchema != null);
        if (sampling.first() != null) {
            given.put(sampling.first(), true);
        }
        given.forEach(
                (option, there) -> {
                    if (there) {
                        throw new CommandFailedException(
                                option
                                        + " is of events: add --prompt-field, --prompt-template,"
                                        + " --chat-template-file or --openai-body. A request says"
                                        + " such things itself.");
                    }
                });
    }

    private void checkFormat(WireFormat format) {
        if (format != WireFormat.JSON && unwrap != null) {
            throw new CommandFailedException(
                    "--unwrap reads JSON: leave --format %s out.".formatted(format));
        }
        if (format != WireFormat.JSON && openAiBody) {
            throw new CommandFailedException(
                    "--openai-body reads JSON: leave --format %s out.".formatted(format));
        }
        if (format != WireFormat.JSON && parameterFields.containsKey("n")) {
            throw new CommandFailedException(
                    "--parameter-field n does not go with --format %s, where answers have one type:"
                                    .formatted(format)
                            + " use --completions.");
        }
        if (format != WireFormat.AVRO && outputSchema != null) {
            throw new CommandFailedException(
                    "--output-schema is of --format avro: "
                            + (format == WireFormat.JSON
                                    ? "JSON has no schema."
                                    : "the schema registry gets the schema."));
        }
    }

    /** The schemas of --input-schema, as JSON. */
    List<String> inputSchemas() {
        return inputSchema.stream().map(EventArguments::schema).toList();
    }

    Path outputSchema() {
        return outputSchema;
    }

    private static String schema(Path file) {
        try {
            return new Schema.Parser().parse(text("--input-schema", file)).toString();
        } catch (AvroRuntimeException e) {
            throw new CommandFailedException(
                    "--input-schema: %s is no Avro schema: %s".formatted(file, e.getMessage()), e);
        }
    }

    private void checkParameters() {
        Set<String> known = new TreeSet<>(OTHER_NAMES);
        InferenceRequest.getClassSchema().getFields().stream()
                .map(field -> field.name())
                .filter(name -> !MADE.contains(name))
                .forEach(known::add);
        for (String name : parameterFields.keySet()) {
            if (!known.contains(name)) {
                String near = NearestName.of(name, known);
                throw new CommandFailedException(
                        "--parameter-field: there is no parameter %s%s"
                                .formatted(
                                        name,
                                        near == null
                                                ? "; these there are: " + known + "."
                                                : ": did you mean " + near + "?"));
            }
        }
    }

    private static String read(String option, Path file) {
        if (file == null) {
            return null;
        }
        String template = text(option, file);
        try {
            PromptTemplate.parse(template);
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(
                    "%s: %s: %s.".formatted(option, file, e.getMessage()), e);
        }
        return template;
    }

    private static String text(String option, Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new CommandFailedException(option + ": there is no file " + file + ".", e);
        } catch (IOException e) {
            throw new CommandFailedException(
                    "%s: %s cannot be read: %s".formatted(option, file, e), e);
        }
        String text = Text.decode(bytes, 0, bytes.length);
        if (text == null) {
            throw new CommandFailedException(
                    "%s: %s is not UTF-8 at byte %d."
                            .formatted(option, file, Text.firstInvalid(bytes)));
        }
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }
}
