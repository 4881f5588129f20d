/** Times kernels on the GPU. */
package io.millrace.gpu.device.cuda.timing;
