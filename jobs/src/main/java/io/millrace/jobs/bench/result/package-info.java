/** Measured figures: their files and the tables generated from them. */
package io.millrace.jobs.bench.result;
