/** The cluster under test: real processes, the way to them, and what they log. */
package io.millrace.jobs.chaos.cluster;
