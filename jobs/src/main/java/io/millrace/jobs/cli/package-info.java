/** Shared by commands: option groups, checks, progress, signals, and errors as sentences. */
package io.millrace.jobs.cli;
