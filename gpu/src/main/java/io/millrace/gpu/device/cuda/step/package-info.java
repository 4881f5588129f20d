/** The steps in flight on a GPU: their tables, graphs, slots and outputs. */
package io.millrace.gpu.device.cuda.step;
