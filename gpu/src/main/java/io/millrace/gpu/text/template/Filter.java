package io.millrace.gpu.text.template;

/** Makes one value of another: input | name(arguments). */
@FunctionalInterface
interface Filter {
    Value apply(Value input, Arguments arguments, Evaluator evaluator);
}
