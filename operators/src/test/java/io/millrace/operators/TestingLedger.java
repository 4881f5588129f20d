package io.millrace.operators;

import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.OutcomeSerializer;
import io.millrace.operators.record.WireType;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Has what an exactly-once sink would have committed: outcomes are state, so that a failure takes
 * back what a checkpoint does not know of. The {@link TestingOutcomes} of its name get them at the
 * end of input.
 */
public final class TestingLedger extends AbstractStreamOperator<Outcome>
        implements OneInputStreamOperator<Outcome, Outcome> {
    private static final long serialVersionUID = 1L;

    private final String name;
    private transient ListState<Outcome> ledger;

    private TestingLedger(String name) {
        this.name = name;
    }

    /** Ends a stream in a ledger. */
    public static DataStream<Outcome> of(DataStream<Outcome> outcomes, String name) {
        return outcomes.transform("ledger", WireType.OUTCOME, new TestingLedger(name))
                .uid("ledger");
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        ledger =
                context.getOperatorStateStore()
                        .getListState(
                                new ListStateDescriptor<>("ledger", OutcomeSerializer.INSTANCE));
    }

    @Override
    public void processElement(StreamRecord<Outcome> element) throws Exception {
        ledger.add(element.getValue());
    }

    @Override
    public void finish() throws Exception {
        super.finish();
        for (Outcome outcome : ledger.get()) {
            TestingOutcomes.collector(name).map(outcome);
        }
    }
}
