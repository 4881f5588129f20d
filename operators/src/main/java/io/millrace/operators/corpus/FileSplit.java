package io.millrace.operators.corpus;

import io.millrace.operators.corpus.format.RowPosition;
import org.apache.flink.api.connector.source.SourceSplit;

/**
 * An input file, or the rest of one.
 *
 * @param from position of the next row
 */
record FileSplit(InputFile file, RowPosition from) implements SourceSplit {
    @Override
    public String splitId() {
        return file.name();
    }
}
