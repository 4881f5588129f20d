/** A Flink cluster and a Kafka broker in this process. */
package io.millrace.jobs.local;
