/** Tensors as they lie in files: types, shapes, bytes. */
package io.millrace.gpu.tensor;
