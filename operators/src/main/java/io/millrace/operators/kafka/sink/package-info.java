/** From outcomes to Kafka records, in one transaction per checkpoint. */
package io.millrace.operators.kafka.sink;
