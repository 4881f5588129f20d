/** What the completions of a request have to be, and how command lines say it. */
package io.millrace.gpu.api.constraint;
