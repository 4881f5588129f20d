/** Looks after a running job and says, one line each, when trouble begins and when it ends. */
package io.millrace.jobs.watch;
