/** What becomes of requests that the engine had when it failed. */
package io.millrace.operators.fault;
