/**
 * Chat templates: a sandboxed interpreter of the part of Jinja2 that models' templates use.
 *
 * <p>The path of a template: {@code Lexer} cuts it into tokens, {@code Parser} builds statements
 * and expressions, {@code Renderer} runs the statements, {@code Evaluator} works out the
 * expressions. Templates see {@code Value}s and nothing of Java; {@code Sandbox} counts what a
 * rendering costs. Where Python shows through in Jinja2 (text of a float, what is true, negative
 * indices, characters as code points), it shows through here.
 */
package io.millrace.gpu.text.jinja;
