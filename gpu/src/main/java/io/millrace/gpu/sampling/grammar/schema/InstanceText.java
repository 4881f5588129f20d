package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Writes a value in the form that the grammar of a schema generates: members in the schema's order
 * at every depth, a space after each comma and colon.
 */
public final class InstanceText {
    private final PropertyOrder order;
    private final StringBuilder text = new StringBuilder();

    private InstanceText(PropertyOrder order) {
        this.order = order;
    }

    /** The text of a value. */
    public static String of(JsonNode value, PropertyOrder order) {
        InstanceText writer = new InstanceText(order);
        writer.write(value, order.root());
        return writer.text.toString();
    }

    private void write(JsonNode value, List<JsonNode> schemas) {
        if (value.isObject()) {
            Set<String> names = new LinkedHashSet<>(order.names(schemas));
            value.fieldNames().forEachRemaining(names::add);
            names.removeIf(name -> !value.has(name));
            String separator = "{";
            for (String name : names) {
                text.append(separator).append('"').append(JsonText.escaped(name)).append("\": ");
                write(value.get(name), order.member(schemas, name));
                separator = ", ";
            }
            text.append(names.isEmpty() ? "{}" : "}");
        } else if (value.isArray()) {
            text.append('[');
            for (int i = 0; i < value.size(); i++) {
                text.append(i == 0 ? "" : ", ");
                write(value.get(i), order.item(new ArrayList<>(schemas), i));
            }
            text.append(']');
        } else if (value.isTextual()) {
            text.append('"').append(JsonText.escaped(value.textValue())).append('"');
        } else {
            text.append(value);
        }
    }
}
