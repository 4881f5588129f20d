/** Validation of requests, and their mapping between topics and engine. */
package io.millrace.operators.request;
