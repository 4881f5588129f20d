/** Equal requests, and their answers, so that each is computed once. */
package io.millrace.operators.dedupe;
