package io.millrace.jobs.chaos.cluster;

/** A checkpoint that failed: a number is given once in a job's life, through all JobManagers. */
public record FailedCheckpoint(String job, long number) {}
