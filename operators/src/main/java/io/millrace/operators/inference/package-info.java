/** The operator that answers requests by the shared engine. */
package io.millrace.operators.inference;
