package io.millrace.operators.corpus.output;

import io.millrace.operators.record.Outcome;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Creates {@link StageOperator}s. */
public final class StageOperatorFactory extends AbstractStreamOperatorFactory<FileEvent>
        implements OneInputStreamOperatorFactory<Outcome, FileEvent> {
    private static final long serialVersionUID = 1L;

    private final OutputFolder folder;
    private final boolean batch;

    /**
     * @param batch whether answers are written as OpenAI's batch files have them
     */
    public StageOperatorFactory(OutputFolder folder, boolean batch) {
        this.folder = folder;
        this.batch = batch;
        setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<FileEvent>> T createStreamOperator(
            StreamOperatorParameters<FileEvent> parameters) {
        return (T) new StageOperator(parameters, folder, batch);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return StageOperator.class;
    }
}
