/**
 * The kernels as the host sees them: names, launches, parameters, layouts, and the constants of the
 * numerics contract ({@code docs/numerics.md}).
 */
package io.millrace.gpu.device.cuda.kernel;
