/** The CUDA driver: context, memory, copies and recorded graphs. */
package io.millrace.gpu.device.cuda.driver;
