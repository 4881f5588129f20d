/** Kafka settings of the job: client settings, topics and their limits. */
package io.millrace.operators.kafka.admin;
