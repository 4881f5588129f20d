/** From Kafka records to requests. */
package io.millrace.operators.kafka.source;
