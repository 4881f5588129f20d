/** The audit: committed answers are computed again on this machine and compared byte by byte. */
package io.millrace.jobs.verify;
