/**
 * The ops on a GPU through the CUDA driver: numerics contract, layouts, launches. Nothing outside
 * of it sees JCuda.
 */
package io.millrace.gpu.backend.cuda;
