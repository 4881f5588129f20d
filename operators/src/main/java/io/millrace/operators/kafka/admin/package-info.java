/** How the job is tied to Kafka: client settings, topics and their limits. */
package io.millrace.operators.kafka.admin;
