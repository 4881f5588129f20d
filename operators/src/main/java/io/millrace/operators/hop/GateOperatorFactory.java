package io.millrace.operators.hop;

import io.millrace.operators.record.Inbound;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Makes {@link GateOperator}s. */
final class GateOperatorFactory extends AbstractStreamOperatorFactory<Inbound>
        implements OneInputStreamOperatorFactory<Inbound, Inbound> {
    private static final long serialVersionUID = 1L;

    private final String pipeline;

    GateOperatorFactory(String pipeline) {
        this.pipeline = pipeline;
        setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Inbound>> T createStreamOperator(
            StreamOperatorParameters<Inbound> parameters) {
        return (T) new GateOperator(parameters, pipeline);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return GateOperator.class;
    }
}
