package io.millrace.gpu.device.cuda.driver;

/**
 * A kernel and its launch configuration.
 *
 * @param kernel name of the function in the fatbin
 * @param x CTAs in x
 * @param y CTAs in y
 * @param z CTAs in z
 * @param threads threads of a CTA, all in x
 * @param sharedBytes dynamic shared memory of a CTA
 */
public record KernelLaunch(String kernel, int x, int y, int z, int threads, int sharedBytes) {}
