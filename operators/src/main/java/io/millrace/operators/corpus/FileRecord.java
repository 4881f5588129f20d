package io.millrace.operators.corpus;

import io.millrace.operators.corpus.output.FileEvent;
import io.millrace.operators.record.Inbound;

/** A record of the source: a row, or the end of a file. */
public sealed interface FileRecord {
    /** A row as a request or a rejection. */
    record Row(Inbound inbound) implements FileRecord {}

    /** Follows the last row of a file. */
    record Ended(FileEvent.End end) implements FileRecord {}
}
