package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Value;
import java.util.HashMap;
import java.util.Map;

/** The variables of one block; unknown names are looked up in the enclosing block. */
final class Scope {
    private final Scope outer;
    private final Map<String, Value> values;

    /** The outermost scope. */
    Scope(Map<String, Value> values) {
        this.outer = null;
        this.values = values;
    }

    private Scope(Scope outer) {
        this.outer = outer;
        this.values = new HashMap<>();
    }

    Scope inner() {
        return new Scope(this);
    }

    void set(String name, Value value) {
        values.put(name, value);
    }

    Value get(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Value value = scope.values.get(name);
            if (value != null) {
                return value;
            }
        }
        return new Value.Undefined("'" + name + "' is undefined");
    }
}
