/** The cluster under test: real processes, their network and their logs. */
package io.millrace.jobs.chaos.cluster;
