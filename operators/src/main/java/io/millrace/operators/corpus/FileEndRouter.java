package io.millrace.operators.corpus;

import io.millrace.operators.corpus.output.FileEvent;
import io.millrace.operators.corpus.output.FileEventSerializer;
import io.millrace.operators.record.Inbound;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Sends rows to the engine, and the ends of files to a side output. */
public final class FileEndRouter extends ProcessFunction<FileRecord, Inbound> {
    private static final long serialVersionUID = 1L;

    /** The ends of files. */
    public static final OutputTag<FileEvent> ENDS =
            new OutputTag<>("file-ends", FileEventSerializer.TYPE);

    @Override
    public void processElement(FileRecord record, Context context, Collector<Inbound> rows) {
        if (record instanceof FileRecord.Row row) {
            rows.collect(row.inbound());
        } else if (record instanceof FileRecord.Ended ended) {
            context.output(ENDS, ended.end());
        }
    }
}
