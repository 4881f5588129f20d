package io.millrace.jobs.chaos.cluster;

/** A failed checkpoint: numbers are unique per job, across JobManagers. */
public record FailedCheckpoint(String job, long number) {}
