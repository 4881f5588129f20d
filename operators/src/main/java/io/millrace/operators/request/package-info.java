/** What a request must be, and what the engine and the topics call the same thing. */
package io.millrace.operators.request;
