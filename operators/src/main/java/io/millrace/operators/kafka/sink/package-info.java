/** From outcomes to Kafka records, in one transaction a checkpoint. */
package io.millrace.operators.kafka.sink;
