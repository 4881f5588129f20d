/** The options of a pipeline. */
package io.millrace.operators.options;
