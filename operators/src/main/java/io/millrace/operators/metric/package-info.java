/** Metrics that Flink does not have: histograms that forget, shares of time. */
package io.millrace.operators.metric;
