/** OpenAI's batch files: lines of requests to its endpoints, and lines of what came of them. */
package io.millrace.operators.corpus.format.openai;
