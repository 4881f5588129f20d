/**
 * The ops on the CPU: Vector API, all cores. Its numerics are a contract: {@code docs/numerics.md}.
 */
package io.millrace.gpu.device.cpu;
