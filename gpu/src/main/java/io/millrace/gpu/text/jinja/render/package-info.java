/**
 * Runs statements, works out expressions, and holds the filters, tests, methods and functions that
 * templates may call.
 */
package io.millrace.gpu.text.jinja.render;
