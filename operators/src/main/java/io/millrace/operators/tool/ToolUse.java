package io.millrace.operators.tool;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.constraint.Constraint;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * The tools that one request's answer may, or must, call. A pure function of (model, request).
 * Immutable.
 */
public final class ToolUse {
    private static final JsonMapper JSON = new JsonMapper();

    /** As constraints have it. */
    private static final int MOST_DIGITS = 400;

    private final Toolbox tools;
    private final CallFormat format;
    private final boolean parallel;

    /** One of which the answer is a call; empty where the model decides. */
    private final Collection<Tool> forced;

    ToolUse(Toolbox tools, CallFormat format, boolean parallel, Collection<Tool> forced) {
        this.tools = tools;
        this.format = format;
        this.parallel = parallel;
        this.forced = forced;
    }

    /** The tools for a chat template. */
    public List<Map<String, Object>> values() {
        return tools.values();
    }

    /** Whether the answer has to be a call. */
    public boolean isForced() {
        return !forced.isEmpty();
    }

    /** A rendered prompt, with what begins a call behind it where the answer has to be one. */
    public String opened(String rendered) {
        return isForced() ? rendered + format.opening() : rendered;
    }

    /**
     * What an answer that has to be a call is: changing it is a change of {@link
     * Constraint#VERSION}.
     */
    public Constraint constraint() {
        ObjectNode definitions = JsonNodeFactory.instance.objectNode();
        List<ObjectNode> calls = new ArrayList<>();
        for (Tool tool : forced) {
            String id = "tool" + calls.size();
            definitions.set(id, resource(tool.parameters(), id));
            calls.add(call(tool.name(), "#/$defs/" + id));
        }
        ObjectNode call = calls.get(0);
        if (calls.size() > 1) {
            call = JsonNodeFactory.instance.objectNode();
            call.putArray("anyOf").addAll(calls);
        }
        ObjectNode schema = format.schema(call);
        schema.set("$defs", definitions);
        try {
            return new Constraint.JsonSchema(JSON.writeValueAsString(schema));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A tree is always written.", e);
        }
    }

    /** With an identity of its own, so that its references are to itself. */
    private static JsonNode resource(JsonNode parameters, String id) {
        if (!(parameters instanceof ObjectNode given) || given.has("$id")) {
            return parameters;
        }
        ObjectNode own = JsonNodeFactory.instance.objectNode().put("$id", id);
        own.setAll(given);
        return own;
    }

    private ObjectNode call(String name, String parameters) {
        ObjectNode call = JsonNodeFactory.instance.objectNode().put("type", "object");
        ObjectNode members = call.putObject("properties");
        members.putObject("name").put("const", name);
        members.putObject(format.argumentsName()).put("type", "object").put("$ref", parameters);
        call.putArray("required").add("name").add(format.argumentsName());
        return call.put("additionalProperties", false);
    }

    /**
     * Takes an answer's calls, all of which are checked.
     *
     * @param text with the format's marks
     * @throws CallException one of them is none
     */
    CallFormat.Parts parse(String text) throws CallException {
        CallFormat.Parts parts =
                isForced()
                        ? new CallFormat.Parts("", List.of(format.forced(text)))
                        : format.parse(text);
        if (!parallel && parts.calls().size() > 1) {
            throw new CallException(
                    "is one of %d, but parallel_tool_calls is false"
                            .formatted(parts.calls().size()));
        }
        for (RawCall call : parts.calls()) {
            check(call);
        }
        return parts;
    }

    private void check(RawCall call) throws CallException {
        Tool tool = tools.get(call.name());
        if (tool == null) {
            throw new CallException(
                    "is of %s, but the tools are %s".formatted(call.name(), tools.names()));
        }
        String fault;
        try {
            JsonNode arguments = Toolbox.JSON.readTree(call.arguments());
            CallScanner.require(
                    !hasHugeNumber(arguments),
                    "of " + call.name() + " has a number of more than 400 digits");
            fault = tool.arguments().fault(arguments);
        } catch (JsonProcessingException e) {
            throw new CallException("of " + call.name() + " has arguments that are no JSON");
        } catch (RuntimeException | StackOverflowError e) {
            throw new CallException(
                    "of " + call.name() + " has arguments that its parameters cannot judge");
        }
        if (fault != null) {
            throw new CallException(
                    "of %s has arguments that its parameters do not allow, %s"
                            .formatted(call.name(), fault));
        }
    }

    /** One whose exact value takes seconds, or a heap, to compute with. */
    private static boolean hasHugeNumber(JsonNode value) {
        if (value.isNumber()) {
            BigDecimal number = value.decimalValue();
            return Math.abs((long) number.scale()) > MOST_DIGITS
                    || number.precision() > MOST_DIGITS;
        }
        for (JsonNode each : value) {
            if (hasHugeNumber(each)) {
                return true;
            }
        }
        return false;
    }

    CallFormat format() {
        return format;
    }
}
