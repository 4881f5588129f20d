/** Formats of quantized weights in files, and the values of such weights. */
package io.millrace.gpu.model.quantization;
