/** Schedules steps and allocates KV blocks. Uses the JDK only. */
package io.millrace.gpu.schedule;
