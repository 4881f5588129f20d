/** The command line's entry, and the commands that have no room of their own. */
package io.millrace.jobs;
