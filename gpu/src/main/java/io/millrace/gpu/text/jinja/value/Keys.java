package io.millrace.gpu.text.jinja.value;

import io.millrace.gpu.text.jinja.value.Value.Bool;
import io.millrace.gpu.text.jinja.value.Value.Int;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Real;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Turns values into Java keys that are equal exactly where Python's are. */
public final class Keys {
    private Keys() {}

    public static Object of(Value value, Sandbox sandbox) {
        if (value instanceof Str s) {
            sandbox.scan(s.text().length());
            return s.text();
        }
        if (value instanceof Int i) {
            return i.number();
        }
        if (value instanceof Bool b) {
            return b.is() ? BigInteger.ONE : BigInteger.ZERO;
        }
        if (value instanceof Real r) {
            double d = r.number();
            return d == Math.rint(d) && !Double.isInfinite(d)
                    ? new BigDecimal(d).toBigInteger()
                    : (Object) d;
        }
        if (value instanceof Seq s && s.kind == Kind.TUPLE) {
            List<Object> keys = new ArrayList<>();
            sandbox.enter();
            for (Value item : s.items()) {
                keys.add(of(item, sandbox));
            }
            sandbox.leave();
            return keys;
        }
        if (value instanceof None || value instanceof Value.Function) {
            return value;
        }
        if (value instanceof Value.Undefined) {
            return Value.Undefined.class;
        }
        throw TemplateException.of("unhashable type: '" + Types.name(value) + "'");
    }
}
