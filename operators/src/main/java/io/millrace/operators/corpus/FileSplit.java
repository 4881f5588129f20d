package io.millrace.operators.corpus;

import io.millrace.operators.corpus.format.Place;
import org.apache.flink.api.connector.source.SourceSplit;

/**
 * An input file, or what is left of one.
 *
 * @param from where reading goes on
 */
record FileSplit(InputFile file, Place from) implements SourceSplit {
    @Override
    public String splitId() {
        return file.name();
    }
}
