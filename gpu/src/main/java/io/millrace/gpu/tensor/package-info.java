/** Tensors in files: types, shapes, bytes. */
package io.millrace.gpu.tensor;
