/** The faults of a run: kinds, plans, injection and reports. */
package io.millrace.jobs.chaos.fault;
