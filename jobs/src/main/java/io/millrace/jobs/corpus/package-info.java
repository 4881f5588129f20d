/** Files of rows in, files of answers out. */
package io.millrace.jobs.corpus;
