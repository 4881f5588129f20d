/** Stops the source while enough is in flight. */
package io.millrace.operators.valve;
