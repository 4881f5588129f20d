/** Measures the engine, its kernels and the whole job. */
package io.millrace.jobs.bench;
