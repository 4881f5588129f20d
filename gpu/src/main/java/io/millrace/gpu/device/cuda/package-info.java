/**
 * The ops, the weights and the sampler on a GPU. JCuda is used in this package and those below it
 * only.
 */
package io.millrace.gpu.device.cuda;
