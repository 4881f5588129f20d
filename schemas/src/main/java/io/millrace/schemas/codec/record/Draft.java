package io.millrace.schemas.codec.record;

import java.util.List;
import java.util.Set;

/**
 * What could be read of a record, and all that is wrong with the rest.
 *
 * @param record without the fields that could not be read; null where nothing could
 * @param faults in the order of the bytes, the first being what reading throws; empty for a record
 *     that can be read
 * @param unread names of the top fields that have a fault, or that a fault means
 */
public record Draft<T>(T record, List<CodecException> faults, Set<String> unread) {
    public Draft {
        faults = List.copyOf(faults);
        unread = Set.copyOf(unread);
    }
}
