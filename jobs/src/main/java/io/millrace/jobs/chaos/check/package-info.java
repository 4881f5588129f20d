/** Expected and committed records, and their comparison. */
package io.millrace.jobs.chaos.check;
