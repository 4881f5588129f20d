package io.millrace.gpu.device.cuda.driver;

/**
 * Numbers of edges of a recorded graph.
 *
 * @param all number of edges
 * @param programmatic number of edges whose second kernel may begin before the first has ended
 */
public record GraphEdges(int all, int programmatic) {}
