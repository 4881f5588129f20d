package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Value;

/** A filter: input | name(arguments). */
@FunctionalInterface
interface Filter {
    Value apply(Value input, Arguments arguments, Evaluator evaluator);
}
