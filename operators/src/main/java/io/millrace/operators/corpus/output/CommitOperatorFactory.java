package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.Columns;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Creates {@link CommitOperator}s. */
public final class CommitOperatorFactory extends AbstractStreamOperatorFactory<Void>
        implements OneInputStreamOperatorFactory<FileEvent, Void> {
    private static final long serialVersionUID = 1L;

    private final OutputFolder folder;
    private final Columns columns;
    private final long totalBytes;

    /**
     * @param totalBytes about how many bytes all rows have, for the metric {@code percent}
     */
    public CommitOperatorFactory(OutputFolder folder, Columns columns, long totalBytes) {
        this.folder = folder;
        this.columns = columns;
        this.totalBytes = totalBytes;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Void>> T createStreamOperator(
            StreamOperatorParameters<Void> parameters) {
        return (T) new CommitOperator(parameters, folder, columns, totalBytes);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return CommitOperator.class;
    }
}
