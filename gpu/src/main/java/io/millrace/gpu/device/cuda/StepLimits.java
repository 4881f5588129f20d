package io.millrace.gpu.device.cuda;

/**
 * Limits of the steps of a backend.
 *
 * @param maxTokens maximum tokens of a step
 * @param maxRows maximum rows of a step
 * @param runAhead steps that may be in flight when another begins
 */
public record StepLimits(int maxTokens, int maxRows, int runAhead) {}
