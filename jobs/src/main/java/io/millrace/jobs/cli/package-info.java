/** What commands share: option groups, checks, progress, signals, and errors as sentences. */
package io.millrace.jobs.cli;
