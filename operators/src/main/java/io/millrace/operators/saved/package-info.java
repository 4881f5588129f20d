/** Reads completed checkpoints and savepoints without a job. */
package io.millrace.operators.saved;
