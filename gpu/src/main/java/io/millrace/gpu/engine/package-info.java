/**
 * The engine of one thread: {@link io.millrace.gpu.engine.Engine} schedules, runs steps and
 * finishes completions.
 */
package io.millrace.gpu.engine;
