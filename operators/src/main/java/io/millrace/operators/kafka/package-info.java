/** The pipeline's two ends on Kafka: records in, outcomes out, and the limits of the topics. */
package io.millrace.operators.kafka;
