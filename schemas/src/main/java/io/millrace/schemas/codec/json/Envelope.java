package io.millrace.schemas.codec.json;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Recognizes JSON objects that hold a request inside of something else, by the names of their
 * fields, and names that other APIs have for what a request says.
 *
 * <p>Sources: CloudEvents 1.0.2, JSON format; Debezium's and Kafka Connect's JSON converters;
 * OpenAI's API reference (chat completions, responses, batch).
 */
final class Envelope {

    private static final Map<String, String> INSTEAD = new LinkedHashMap<>();

    static {
        for (String name :
                new String[] {
                    "max_completion_tokens", "max_output_tokens", "max_new_tokens", "num_predict"
                }) {
            INSTEAD.put(name, "write max_tokens");
        }
        INSTEAD.put("custom_id", "write id");
        INSTEAD.put("input", "write prompt (text) or messages (a conversation)");
        INSTEAD.put("inputs", "write prompt (text) or messages (a conversation)");
        INSTEAD.put("text", "write prompt");
        INSTEAD.put("system", "write it as the first of messages, with the role system");
        INSTEAD.put("instructions", "write it as the first of messages, with the role system");
        INSTEAD.put("stop_sequences", "write stop");
        INSTEAD.put("top_logprobs", "write logprobs, the number of them");
        INSTEAD.put("do_sample", "leave it away; temperature 0 does not sample");
        INSTEAD.put("stream", "leave it away; an answer comes whole");
        INSTEAD.put("user", "put it in metadata");
        INSTEAD.put("guided_json", "write response_format, or constraint.json_schema");
        INSTEAD.put("guided_regex", "write constraint.regex");
        INSTEAD.put("guided_choice", "write constraint.choice");
        for (String name :
                new String[] {
                    "guided_grammar", "functions", "function_call", "best_of", "echo", "suffix"
                }) {
            INSTEAD.put(name, "this release does not have it; leave it away");
        }
    }

    private Envelope() {}

    /** What to write for a field of another API, or null if none is known. */
    static String instead(String field) {
        return INSTEAD.get(field);
    }

    /**
     * What an object is, and what to do.
     *
     * @param fields names of its fields
     * @return half a sentence, or null if it is nothing known
     */
    static String of(Set<String> fields) {
        if (fields.contains("specversion") && fields.contains("source")) {
            return "a CloudEvent in structured mode: send it in binary mode, with the request alone"
                    + " as the value and the attributes in ce_ headers";
        }
        if (fields.contains("payload") && fields.contains("schema")) {
            return "Kafka Connect's envelope of schema and payload: set"
                    + " value.converter.schemas.enable=false in the connector (and unwrap Debezium's"
                    + " events, transforms.unwrap.type="
                    + "io.debezium.transforms.ExtractNewRecordState)";
        }
        if (fields.contains("op") && fields.contains("after")) {
            return "a change event of Debezium: unwrap it in the connector"
                    + " (transforms=unwrap, transforms.unwrap.type="
                    + "io.debezium.transforms.ExtractNewRecordState)";
        }
        if (fields.contains("custom_id") && fields.contains("body")) {
            return "a line of OpenAI's batch format: write the fields of body at the top, and"
                    + " custom_id as id";
        }
        return null;
    }
}
