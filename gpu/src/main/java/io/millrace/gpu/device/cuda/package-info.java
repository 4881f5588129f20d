/**
 * The ops, the weights and the sampler on a GPU. Nothing outside of this room and those below it
 * sees JCuda.
 */
package io.millrace.gpu.device.cuda;
