/**
 * Flink operators around the engine: {@link io.millrace.operators.InferencePipeline} chains a
 * valved source, validation, micro-batching and inference, from {@link
 * io.millrace.operators.Inbound} records to {@link io.millrace.operators.Outcome}s.
 */
package io.millrace.operators;
