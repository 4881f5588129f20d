/** Output files: outcomes are staged as they come, and assembled once a file is complete. */
package io.millrace.operators.corpus.output;
