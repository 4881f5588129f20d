package io.millrace.jobs.init;

import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.cli.job.JobArguments.FormatArguments;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.schemas.codec.record.WireFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;

/** Puts what was guessed of a sample into a configuration file, with the reasons. */
final class ConfigWriter {
    private static final List<String> SAMPLING =
            List.of("max-tokens", "temperature", "top-p", "seed", "stop", "completions");
    private static final List<String> CONSTRAINTS = List.of("json-schema", "regex", "choice");

    private final CommandSpec commands;
    private final Sample sample;
    private final Guess guess;
    private final Path model;
    private final ConfigText text = new ConfigText();

    /** How a topic is reached. */
    record Topic(KafkaArguments kafka, FormatArguments format, List<Path> schemas) {}

    /**
     * @param commands the command line, whose options are described in the file
     * @param model folder; null to leave it to the user
     */
    ConfigWriter(CommandSpec commands, Sample sample, Guess guess, Path model) {
        this.commands = commands;
        this.sample = sample;
        this.guess = guess;
        this.model = model;
    }

    /** The file for {@code corpus}. */
    String corpus() throws IOException {
        head("corpus");
        text.blank().comment("Input: a file, a folder or a glob. Output: a folder.");
        text.option("in", sample.file().toString());
        text.option("out", stem(sample.name()) + "-answers");
        FileFormat format = sample.format();
        FileFormat byName = FileFormat.of(sample.name(), null, null);
        boolean batch = guess.shape() == Guess.Shape.BATCH;
        if (batch) {
            text.comment("Each row has custom_id, method, url and body, as OpenAI's batches have.");
            text.option("rows", "openai-batch");
        } else if (byName == null || byName.rows() != format.rows()) {
            text.option("rows", format.rows().toString().toLowerCase(Locale.ROOT));
        }
        if (format.rows() == FileFormat.Rows.CSV
                && (byName == null || byName.delimiter() != format.delimiter())) {
            text.comment("What separates the cells of the header.");
            text.option("delimiter", String.valueOf(format.delimiter()));
        }
        if (guess.shape() == Guess.Shape.FIELDS) {
            prompt();
            if (guess.id() != null) {
                text.blank().comment("Has another value in each row that was looked at.");
                text.comment("By it a row's answer does not depend on its place in the file.");
                text.option("id-field", guess.id());
            }
        } else if (!batch) {
            text.blank()
                    .comment(
                            "Each row is a request (docs/formats.md), so there is no prompt-field.");
        }
        if (!batch) {
            text.blank()
                    .comment("Field or column for the answer; the rows have none of this name.");
            text.option("result-field", guess.result());
        }
        named();
        unset("corpus", SAMPLING);
        unset("corpus", CONSTRAINTS);
        unset("corpus", List.of("checkpoint-interval", "parallelism", "max-in-flight", "device"));
        return end("corpus");
    }

    /** The file for {@code run}. */
    String run(Topic topic) throws IOException {
        head("run");
        String name = sample.file() == null ? sample.name() : stem(sample.name());
        text.blank().comment("Brokers and topics.");
        text.option("bootstrap-servers", topic.kafka().bootstrapServers);
        if (topic.kafka().configFile != null) {
            text.option("kafka-config", topic.kafka().configFile.toString());
        } else {
            text.comment("Client settings such as those of TLS and SASL, and secrets:");
            text.comment("kafka-config: client.properties");
        }
        text.list("input-topics", List.of(name));
        text.option("output-topic", name + "-answers");
        text.option("dead-letter-topic", name + "-dead-letters");
        text.comment("Creates the topics that are missing.");
        text.flag("create-topics", true);
        text.comment("Name of the job's state: another job needs another one.");
        text.option("application-id", name.replace('.', '-'));
        format(topic);
        switch (guess.shape()) {
            case FIELDS -> {
                if (guess.unwrap() != null) {
                    text.blank().comment("The events are within envelopes; paths begin inside.");
                    text.option("unwrap", guess.unwrap());
                }
                prompt();
                text.comment("Or more than one field, by a Jinja template (docs/events.md):");
                text.comment("prompt-template: prompt.j2");
            }
            case BODY -> {
                text.blank().comment("The records have messages, as requests to OpenAI's API.");
                text.flag("openai-body", true);
            }
            default ->
                    text.blank()
                            .comment(
                                    "Each record is a request (docs/formats.md); it says itself what it wants.");
        }
        boolean events = guess.shape() != Guess.Shape.REQUEST;
        if (guess.id() != null) {
            text.blank().comment("Has another value in each record that was looked at.");
            text.comment("By it an answer does not depend on the record's place in the topic.");
            text.option("id-from", "field:" + guess.id());
        }
        if (events) {
            text.blank().comment("Field for the answer; the records have none of this name.");
            text.option("result-field", guess.result());
        }
        named();
        if (events) {
            unset("run", SAMPLING);
        }
        unset("run", CONSTRAINTS);
        unset("run", List.of("start", "delivery", "checkpoint-interval", "parallelism", "device"));
        return end("run");
    }

    private void head(String command) {
        text.comment(
                "Made by `millrace init` from %s, for `millrace %s --config`."
                        .formatted(sample.described(), command));
        text.comment("The command line wins over what stands here (docs/config.md).");
        text.blank().comment("Model folder in Hugging Face form.");
        if (model == null) {
            text.comment("model: DIR");
        } else {
            text.option("model", model.toString());
        }
    }

    private void format(Topic topic) {
        WireFormat format = topic.format().format;
        if (format == WireFormat.JSON) {
            return;
        }
        text.blank().comment("How the records are written; answers and dead letters are, too.");
        text.option("format", format.toString());
        if (!topic.schemas().isEmpty()) {
            text.comment("Schemas that records were written by, the newest last.");
            text.list("input-schema", topic.schemas().stream().map(Path::toString).toList());
        }
        String url = topic.format().registryUrl;
        if (url != null) {
            String bare = url.replaceFirst("//[^/@]*@", "//");
            if (!bare.equals(url)) {
                text.comment("User and password are left out: put them into registry-config.");
            }
            text.option("registry-url", bare);
        }
        if (topic.format().registryConfig != null) {
            text.option("registry-config", topic.format().registryConfig.toString());
        }
    }

    private void prompt() throws IOException {
        text.blank().comment("The prompt: " + guess.why() + ".");
        text.option("prompt-field", guess.prompt());
        if (model == null || !hasChatTemplate(model)) {
            text.comment(
                    model == null
                            ? "For a model with a chat template: the prompt is a user's message."
                            : "The model has no chat template, so the prompt is plain text.");
            text.flag("chat", false);
        } else {
            text.comment("The model has a chat template: the prompt is a user's message in it.");
            text.flag("chat", true);
            text.comment("system: \"Message before the user's.\"");
        }
    }

    private static boolean hasChatTemplate(Path model) throws IOException {
        Path tokenizer = model.resolve("tokenizer_config.json");
        return Files.isRegularFile(model.resolve("chat_template.jinja"))
                || Files.isRegularFile(tokenizer)
                        && Files.readString(tokenizer).contains("\"chat_template\"");
    }

    /** The model's name, where the requests say one. */
    private void named() {
        if (guess.model() != null) {
            text.blank()
                    .comment("The requests name this model, and others are refused: the name that")
                    .comment("your model has for them.");
            text.option("model-name", guess.model());
        }
    }

    private void unset(String command, List<String> options) {
        for (String option : options) {
            text.blank().unset(commands.subcommands().get(command).getCommandSpec(), option);
        }
    }

    private String end(String command) {
        text.blank().comment("All others are in docs/options.md, under millrace " + command + ".");
        return text.toString();
    }

    /** A file's name without its endings. */
    private static String stem(String name) {
        int dot = name.indexOf('.', 1);
        return dot < 0 ? name : name.substring(0, dot);
    }
}
