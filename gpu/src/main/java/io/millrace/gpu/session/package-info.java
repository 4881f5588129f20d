/** The engine shared by the tasks of a JVM: its thread, inbox, outboxes and watchdog. */
package io.millrace.gpu.session;
