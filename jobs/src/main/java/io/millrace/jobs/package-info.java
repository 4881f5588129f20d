/** The entry point of the command line, and commands without a package of their own. */
package io.millrace.jobs;
