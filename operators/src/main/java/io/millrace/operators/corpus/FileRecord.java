package io.millrace.operators.corpus;

import io.millrace.operators.corpus.output.FileNews;
import io.millrace.operators.record.Inbound;

/** What the source gives: rows, and that a file has no more of them. */
public sealed interface FileRecord {
    /** A row as a request, or why it is none. */
    record Asked(Inbound inbound) implements FileRecord {}

    /** All rows of a file came before this. */
    record Ended(FileNews.End end) implements FileRecord {}
}
