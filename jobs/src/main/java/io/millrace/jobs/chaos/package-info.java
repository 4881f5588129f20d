/**
 * Kills, stops and starves a cluster of real processes while it answers prompts, and compares what
 * it committed with a run that nobody disturbed.
 */
package io.millrace.jobs.chaos;
