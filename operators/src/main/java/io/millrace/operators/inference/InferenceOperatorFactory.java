package io.millrace.operators.inference;

import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.MicroBatch;
import io.millrace.operators.record.Outcome;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Makes {@link InferenceOperator}s. */
public final class InferenceOperatorFactory extends AbstractStreamOperatorFactory<Outcome>
        implements OneInputStreamOperatorFactory<MicroBatch, Outcome> {
    private static final long serialVersionUID = 1L;

    private final PipelineOptions options;

    public InferenceOperatorFactory(PipelineOptions options) {
        this.options = options;
        setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Outcome>> T createStreamOperator(
            StreamOperatorParameters<Outcome> parameters) {
        return (T) new InferenceOperator(parameters, options);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return InferenceOperator.class;
    }
}
