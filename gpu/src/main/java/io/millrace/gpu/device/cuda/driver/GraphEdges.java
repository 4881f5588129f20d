package io.millrace.gpu.device.cuda.driver;

/**
 * Edges of a recorded graph, as the driver has them.
 *
 * @param all of them
 * @param programmatic between kernels of which the second may begin before the first has ended
 */
public record GraphEdges(int all, int programmatic) {}
