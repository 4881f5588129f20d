/**
 * The values that templates see, Python's rules for them, and the sandbox that counts what they
 * cost.
 */
package io.millrace.gpu.text.jinja.value;
