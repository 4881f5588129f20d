/** Monitors a running job and reports, in one line each, when trouble begins and when it ends. */
package io.millrace.jobs.watch;
