/**
 * Chat templates: a sandboxed interpreter of the part of Jinja2 that models' templates use.
 *
 * <p>{@code Lexer} splits a template into tokens, {@code Parser} builds statements and expressions,
 * {@code Renderer} runs the statements, {@code Evaluator} evaluates the expressions. Templates see
 * {@code Value}s and nothing of Java; {@code Sandbox} counts the cost of a rendering. Semantics
 * that Jinja2 takes from Python (text of a float, truth, negative indices, characters as code
 * points) are those of Python.
 */
package io.millrace.gpu.text.jinja;
