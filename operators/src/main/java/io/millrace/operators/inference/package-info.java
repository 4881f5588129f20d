/** The operator that has requests answered by the shared engine. */
package io.millrace.operators.inference;
