/** The options of the streaming job: its topics, its events, its start. */
package io.millrace.jobs.cli.job;
