/**
 * The steps that a GPU was given and has not completed: their tables, graphs, slots and outputs.
 */
package io.millrace.gpu.device.cuda.step;
