/** Isolation of requests that were in the engine when it failed. */
package io.millrace.operators.fault;
