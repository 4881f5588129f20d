package io.millrace.jobs.verify;

import java.io.IOException;
import java.util.function.Consumer;

/** Records to be read once, from the beginning to the current end. */
interface Entries {
    /** Passes each record to a consumer, in the order of its partition. */
    void forEach(Consumer<Entry> to) throws IOException;

    /** Whether they are lines of a file, which are JSON regardless of the topics' format. */
    boolean areOfFile();

    /** Display name of the source. */
    String name();
}
