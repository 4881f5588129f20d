/**
 * The structs that the host writes and kernels read. The headers of {@code src/main/cuda/include}
 * are their one source: the build makes a class of each struct there ({@code StructWriters.java}
 * beside the kernels), with its size and a setter for each field.
 */
package io.millrace.gpu.device.cuda.struct;
