package io.millrace.operators.batch;

import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.MicroBatch;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Makes {@link MicroBatchOperator}s. */
public final class MicroBatchOperatorFactory extends AbstractStreamOperatorFactory<MicroBatch>
        implements OneInputStreamOperatorFactory<Inbound, MicroBatch> {
    private static final long serialVersionUID = 1L;

    private final PipelineOptions options;

    public MicroBatchOperatorFactory(PipelineOptions options) {
        this.options = options;
        setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<MicroBatch>> T createStreamOperator(
            StreamOperatorParameters<MicroBatch> parameters) {
        return (T) new MicroBatchOperator(parameters, options);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return MicroBatchOperator.class;
    }
}
