/**
 * Flink operators around the engine: {@link io.millrace.operators.InferencePipeline} chains a
 * valved source, validation, micro-batching and inference, from {@link
 * io.millrace.operators.record.Inbound} records to {@link io.millrace.operators.record.Outcome}s.
 */
package io.millrace.operators;
