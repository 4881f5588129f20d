/** The values of templates, Python's rules for them, and the sandbox that counts their cost. */
package io.millrace.gpu.text.jinja.value;
