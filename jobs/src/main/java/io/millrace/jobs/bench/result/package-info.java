/** Measured figures: their files, and the tables that are made from them. */
package io.millrace.jobs.bench.result;
