package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The model that ships answers in JSON that a validator of others takes, however it draws. */
class StructuredAnswersTest {
    private static final Path MODEL = Path.of("../models/triage");

    private static final ObjectMapper JSON = new ObjectMapper();

    /** That of the page docs/constraints.md, and others with everything nested. */
    private static List<String> schemas() throws IOException {
        return List.of(
                Files.readString(MODEL.resolve("answer.schema.json")),
                """
                {"$ref": "#/$defs/thread", "$defs": {
                  "person": {"type": "object", "properties": {
                    "name": {"type": "string", "pattern": "^[A-Z][a-z]+$"},
                    "address": {"type": "string", "format": "email"}}, "required": ["name"]},
                  "thread": {"type": "object", "properties": {
                    "from": {"$ref": "#/$defs/person"},
                    "to": {"type": "array", "items": {"$ref": "#/$defs/person"}, "maxItems": 3},
                    "replies": {"type": "array", "items": {"$ref": "#/$defs/thread"}, "maxItems": 2}},
                    "required": ["from", "replies"], "additionalProperties": false}}}
                """,
                """
                {"type": "array", "minItems": 1, "maxItems": 4, "items": {"anyOf": [
                  {"type": "object", "properties": {"kind": {"const": "date"},
                    "on": {"type": "string", "format": "date"}}, "required": ["kind", "on"]},
                  {"type": "object", "properties": {"kind": {"const": "sum"},
                    "amount": {"type": "number", "minimum": 0, "maximum": 1000, "multipleOf": 0.01},
                    "currency": {"enum": ["EUR", "USD"]}}, "required": ["kind", "amount"]}]}}
                """,
                """
                {"type": "object", "minProperties": 1, "maxProperties": 3,
                  "patternProperties": {"^x-[a-z]{1,8}$": {"type": ["string", "null"], "maxLength": 9}},
                  "properties": {"score": {"type": "integer", "minimum": -5, "maximum": 5},
                    "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "maxItems": 5}},
                  "required": ["score"], "additionalProperties": false}
                """,
                "{\"type\": \"object\"}");
    }

    @Test
    void sixtyHotAnswersAreAllValidAndNoneIsCut() throws Exception {
        List<String> prompts = prompts();
        List<String> schemas = schemas();
        int[] limits = {128, 97, 64, 54, 33};
        List<GenerationRequest> requests = new ArrayList<>();
        EngineOptions options =
                EngineOptions.of(MODEL.toString())
                        .withDevice(Device.CPU)
                        .withMaxModelLen(400)
                        .withMaxSequences(60);
        List<GenerationResult> results;
        try (Engine engine = Engine.open(options)) {
            for (int i = 0; i < prompts.size(); i++) {
                SamplingParameters sampling =
                        SamplingParameters.builder()
                                .temperature(1)
                                .maxTokens(limits[i % limits.length])
                                .constraint(
                                        new Constraint.JsonSchema(schemas.get(i % schemas.size())))
                                .build();
                int[] prompt = engine.tokenizer().encode(prompts.get(i));
                requests.add(GenerationRequest.of("mail " + i, prompt, sampling));
            }
            results = engine.complete(requests);
        }
        Set<String> different = new HashSet<>();
        for (int i = 0; i < results.size(); i++) {
            Completion answer = results.get(i).completions().get(0);
            assertThat(answer.tokenIds()).hasSizeLessThanOrEqualTo(limits[i % limits.length]);
            assertThat(answer.finishReason()).as(answer.text()).isEqualTo(FinishReason.STOP);
            assertThat(faults(schemas.get(i % schemas.size()), answer.text()))
                    .as(answer.text())
                    .isEmpty();
            different.add(answer.text());
        }
        assertThat(different).hasSizeGreaterThan(50);
    }

    @Test
    void anAnswerOfTheExampleSaysWhatTheMailIs() throws Exception {
        SamplingParameters greedy =
                SamplingParameters.builder()
                        .maxTokens(97)
                        .constraint(
                                new Constraint.JsonSchema(
                                        Files.readString(MODEL.resolve("answer.schema.json"))))
                        .build();
        try (Engine engine =
                Engine.open(EngineOptions.of(MODEL.toString()).withDevice(Device.CPU))) {
            int[] prompt =
                    engine.tokenizer()
                            .encode("Buy now, the lowest mortgage rates ever!\n\n### Triage\n");
            String text =
                    engine.complete(List.of(GenerationRequest.of("1", prompt, greedy)))
                            .get(0)
                            .completions()
                            .get(0)
                            .text();
            JsonNode answer = JSON.readTree(text);
            assertThat(answer.get("label").asText()).isIn("ham", "spam");
            assertThat(answer.get("subject").asText()).isNotEmpty();
            assertThat(answer.has("reason")).isTrue();
        }
    }

    /** Bodies of the demo, cut so that a heap of any machine takes them. */
    private static List<String> prompts() throws IOException {
        List<String> prompts = new ArrayList<>();
        for (String line : Files.readAllLines(MODEL.resolve("demo.jsonl"))) {
            String prompt = JSON.readTree(line).get("prompt").asText();
            prompts.add(prompt.substring(Math.max(0, prompt.length() - 300)));
        }
        assertThat(prompts).hasSize(60);
        return prompts;
    }

    private static List<Error> faults(String schema, String text) throws IOException {
        Schema validator =
                SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                        .getSchema(JSON.readTree(schema));
        return validator.validate(
                JSON.readTree(text),
                context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)));
    }
}
