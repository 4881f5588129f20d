/** The faults of a run: what may happen, when, and what came of it. */
package io.millrace.jobs.chaos.fault;
