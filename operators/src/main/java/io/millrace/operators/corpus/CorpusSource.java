package io.millrace.operators.corpus;

import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.valve.Valve;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.RichSourceReaderContext;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A bounded source of rows from a fixed list of files. Each file is read by one subtask. */
public final class CorpusSource
        implements Source<FileRecord, FileSplit, Collection<FileSplit>>,
                ResultTypeQueryable<FileRecord> {
    private static final long serialVersionUID = 1L;

    private final List<InputFile> files;
    private final RequestTemplate template;
    private final String pipeline;

    /**
     * @param pipeline {@code PipelineOptions.name} of the operators downstream
     */
    public CorpusSource(List<InputFile> files, RequestTemplate template, String pipeline) {
        this.files = List.copyOf(files);
        this.template = template;
        this.pipeline = pipeline;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    /** Assigns the largest files first, so that no large file is left for the end. */
    @Override
    public SplitEnumerator<FileSplit, Collection<FileSplit>> createEnumerator(
            SplitEnumeratorContext<FileSplit> context) {
        return new CorpusEnumerator(
                context,
                files.stream()
                        .sorted(
                                Comparator.comparingLong(InputFile::size)
                                        .reversed()
                                        .thenComparing(InputFile::name))
                        .map(file -> new FileSplit(file, RowPosition.START))
                        .toList());
    }

    @Override
    public SplitEnumerator<FileSplit, Collection<FileSplit>> restoreEnumerator(
            SplitEnumeratorContext<FileSplit> context, Collection<FileSplit> splits) {
        return new CorpusEnumerator(context, splits);
    }

    @Override
    public SimpleVersionedSerializer<FileSplit> getSplitSerializer() {
        return new FileSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<Collection<FileSplit>> getEnumeratorCheckpointSerializer() {
        return new FileSplitSerializer.OfMany();
    }

    @Override
    public SourceReader<FileRecord, FileSplit> createReader(SourceReaderContext context) {
        // A valved source has checked the type of the context.
        RuntimeContext runtime = ((RichSourceReaderContext) context).getRuntimeContext();
        return new CorpusReader(context, template, () -> Valve.require(runtime, pipeline));
    }

    @Override
    public TypeInformation<FileRecord> getProducedType() {
        return FileRecordSerializer.TYPE;
    }
}
