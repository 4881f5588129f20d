/** Builds the pipeline's two ends on Kafka. */
package io.millrace.operators.kafka;
