package io.millrace.jobs.verify;

import java.io.IOException;
import java.util.function.Consumer;

/** Records to be read once, from their beginning to the end that they have now. */
interface Entries {
    /** Gives each of them, in the order of its partition. */
    void forEach(Consumer<Entry> to) throws IOException;

    /** Whether they are a file's lines, which are JSON whatever the topics are. */
    boolean areOfFile();

    /** What they come from, for people. */
    String name();
}
