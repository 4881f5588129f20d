package io.millrace.operators.tool;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A function that a model may call.
 *
 * @param definition as the request has it
 * @param arguments checks the arguments of a call
 */
record Tool(ObjectNode definition, ArgumentCheck arguments) {
    String name() {
        return definition.get("function").get("name").textValue();
    }

    /** JSON schema of the arguments; of a function that says none, the object without members. */
    JsonNode parameters() {
        return parameters(definition);
    }

    static JsonNode parameters(ObjectNode definition) {
        JsonNode given = definition.get("function").get("parameters");
        if (given != null && !given.isNull()) {
            return given;
        }
        ObjectNode none = definition.objectNode().put("type", "object");
        none.putObject("properties");
        return none.put("additionalProperties", false);
    }
}
