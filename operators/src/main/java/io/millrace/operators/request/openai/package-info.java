/** The bodies of requests to OpenAI's API as requests of the topics' contract. */
package io.millrace.operators.request.openai;
