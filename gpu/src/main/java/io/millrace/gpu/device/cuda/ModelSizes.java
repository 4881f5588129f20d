package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.RotaryTable;
import java.util.Set;

/**
 * The sizes of a model that a backend must know before its weights.
 *
 * @param rotary angles of all positions
 * @param windows distinct windows of the layers
 * @param vocabulary number of logits
 */
public record ModelSizes(
        AttentionShape attention, RotaryTable rotary, Set<Integer> windows, int vocabulary) {}
