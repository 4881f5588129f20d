package io.millrace.operators.request;

import io.millrace.gpu.api.constraint.Constraint;
import java.util.List;

/** Converts constraints between the topics' schema and the engine's type. */
public final class WireConstraint {
    private WireConstraint() {}

    /**
     * The engine's constraint; null for null.
     *
     * @throws IllegalArgumentException the constraint has a {@link #fault}
     */
    public static Constraint read(io.millrace.schemas.Constraint wire) {
        if (wire == null) {
            return null;
        }
        if (fault(wire) != null) {
            throw new IllegalArgumentException(fault(wire));
        }
        if (wire.getChoice() != null) {
            return new Constraint.Choice(wire.getChoice());
        }
        return wire.getRegex() != null
                ? new Constraint.Regex(wire.getRegex())
                : new Constraint.JsonSchema(wire.getJsonSchema());
    }

    /** The constraint of a request; null for null. */
    public static io.millrace.schemas.Constraint write(Constraint constraint) {
        if (constraint == null) {
            return null;
        } else if (constraint instanceof Constraint.Choice choice) {
            return new io.millrace.schemas.Constraint(choice.texts(), null, null);
        } else if (constraint instanceof Constraint.Regex regex) {
            return new io.millrace.schemas.Constraint(null, regex.pattern(), null);
        } else if (constraint instanceof Constraint.JsonSchema json) {
            return new io.millrace.schemas.Constraint(null, null, json.schema());
        }
        throw new IllegalArgumentException("A compiled constraint has no form in requests.");
    }

    /** The fault of a constraint as far as its fields show it; null if there is none. */
    static String fault(io.millrace.schemas.Constraint wire) {
        List<String> choice = wire.getChoice();
        int set =
                (choice != null ? 1 : 0)
                        + (wire.getRegex() != null ? 1 : 0)
                        + (wire.getJsonSchema() != null ? 1 : 0);
        if (set != 1) {
            return "constraint has %d of choice, regex and json_schema; set one.".formatted(set);
        }
        return choice != null && choice.isEmpty()
                ? "constraint.choice is empty; give at least one text."
                : null;
    }
}
