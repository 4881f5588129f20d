/**
 * Runs statements, evaluates expressions, and has the filters, tests, methods and functions of
 * templates.
 */
package io.millrace.gpu.text.jinja.render;
