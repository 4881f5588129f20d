package io.millrace.operators.record;

import java.util.List;

/**
 * Records grouped before the inference operator, at least one.
 *
 * @param records in the order in which the engine should take them
 */
public record MicroBatch(List<Inbound> records) {
    public MicroBatch {
        records = List.copyOf(records);
    }
}
