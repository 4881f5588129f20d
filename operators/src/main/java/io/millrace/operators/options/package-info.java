/** What a pipeline is built with. */
package io.millrace.operators.options;
