/** What must be committed, and what was. */
package io.millrace.jobs.chaos.check;
