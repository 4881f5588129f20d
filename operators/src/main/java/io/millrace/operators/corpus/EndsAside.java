package io.millrace.operators.corpus;

import io.millrace.operators.corpus.output.FileNews;
import io.millrace.operators.corpus.output.FileNewsSerializer;
import io.millrace.operators.record.Inbound;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Lets rows pass to the engine, and the ends of files past it. */
public final class EndsAside extends ProcessFunction<FileRecord, Inbound> {
    private static final long serialVersionUID = 1L;

    /** The ends of files. */
    public static final OutputTag<FileNews> ENDS =
            new OutputTag<>("file-ends", FileNewsSerializer.TYPE);

    @Override
    public void processElement(FileRecord given, Context context, Collector<Inbound> rows) {
        if (given instanceof FileRecord.Asked asked) {
            rows.collect(asked.inbound());
        } else if (given instanceof FileRecord.Ended ended) {
            context.output(ENDS, ended.end());
        }
    }
}
