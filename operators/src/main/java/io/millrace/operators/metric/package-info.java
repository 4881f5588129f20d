/**
 * Metrics that Flink does not have: histograms that forget, shares of time, classes of priorities.
 */
package io.millrace.operators.metric;
