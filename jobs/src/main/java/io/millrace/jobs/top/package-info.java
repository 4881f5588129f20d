/** Shows the figures of one running job on a terminal, as Flink's REST API gives them. */
package io.millrace.jobs.top;
