/**
 * Kills, stops and starves a cluster of real processes while it answers prompts, and compares the
 * committed records with those of an undisturbed run.
 */
package io.millrace.jobs.chaos;
