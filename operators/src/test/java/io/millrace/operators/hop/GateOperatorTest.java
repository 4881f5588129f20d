package io.millrace.operators.hop;

import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingEngine;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.InboundSerializer;
import io.millrace.operators.valve.Valve;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.StreamTaskActionExecutor;
import org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class GateOperatorTest {
    private final PipelineOptions options =
            PipelineOptions.builder(TestingEngine.options("gate"), TestingEngine.loader())
                    .maxInFlightRequests(2)
                    .build();

    private OneInputStreamOperatorTestHarness<Inbound, Inbound> harness;
    private Valve valve;
    private MailboxExecutorImpl mailbox;

    @BeforeEach
    void setUp() throws Exception {
        harness =
                new OneInputStreamOperatorTestHarness<>(
                        new GateOperatorFactory(options.name()), InboundSerializer.INSTANCE);
        harness.setup(InboundSerializer.INSTANCE);
        // As the mailbox executor of an operator further down in the chain.
        mailbox =
                new MailboxExecutorImpl(
                        harness.getTaskMailbox(), 1, StreamTaskActionExecutor.IMMEDIATE);
    }

    @AfterEach
    void tearDown() throws Exception {
        harness.close();
        if (valve != null) {
            valve.unregister();
        }
    }

    private void open() throws Exception {
        valve = Valve.register(harness.getOperator().getRuntimeContext(), options, 64);
        harness.open();
    }

    private void send(String id) throws Exception {
        harness.processElement(new StreamRecord<>(request(id, 1), 17));
    }

    private static String id(StreamRecord<?> record) {
        return ((Inbound.Request) record.getValue()).request().getId();
    }

    @Test
    void recordsAndWatermarksPassInOrderWhileTheValveIsOpen() throws Exception {
        open();
        send("a");
        harness.processWatermark(1);
        send("b");
        assertThat(harness.getOutput())
                .extracting(
                        element ->
                                element instanceof StreamRecord<?> record
                                        ? id(record) + "@" + record.getTimestamp()
                                        : element)
                .containsExactly("a@17", new Watermark(1), "b@17");
    }

    @Test
    void behindAClosedValveItRunsMailsUntilOneAnswerHasLeft() throws Exception {
        open();
        valve.add(2, 0);
        List<Integer> outputs = new ArrayList<>();
        mailbox.execute(() -> outputs.add(harness.getOutput().size()), "news without an answer");
        mailbox.execute(() -> valve.add(-1, 0), "an answer");
        mailbox.execute(() -> outputs.add(harness.getOutput().size()), "later news");
        send("a");
        assertThat(harness.getOutput()).hasSize(1);
        assertThat(outputs).as("it waits no longer than it must").containsExactly(0);
    }

    @Test
    void whatItHoldsIsKnownWhileItWaitsAndMailsOfLowestPriorityRun() throws Exception {
        open();
        valve.add(2, 0);
        List<Inbound> held = new ArrayList<>();
        MailboxExecutorImpl task =
                new MailboxExecutorImpl(
                        harness.getTaskMailbox(),
                        TaskMailbox.MIN_PRIORITY,
                        StreamTaskActionExecutor.IMMEDIATE);
        task.execute(() -> held.add(valve.held()), "a barrier");
        mailbox.execute(() -> valve.add(-1, 0), "an answer");
        send("a");
        assertThat(held)
                .extracting(inbound -> ((Inbound.Request) inbound).request().getId())
                .containsExactly("a");
        assertThat(valve.held()).isNull();
    }

    @Test
    void moreThanTheValveLetsInMayBeThereAfterARestore() throws Exception {
        open();
        valve.add(54, 0);
        for (int i = 0; i < 53; i++) {
            mailbox.execute(() -> valve.add(-1, 0), "an answer");
        }
        send("a");
        assertThat(harness.getOutput()).hasSize(1);
        assertThat(valve.requests()).isEqualTo(1);
    }

    @Test
    void aCancelledTaskIsNotHeldByAClosedValve() throws Exception {
        open();
        valve.add(2, 0);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> send("a")).isInstanceOf(InterruptedException.class);
        assertThat(harness.getOutput()).isEmpty();
    }

    @Test
    void anInferenceOperatorOutsideItsChainIsRefusedForGood() {
        assertThatThrownBy(() -> harness.open())
                .isInstanceOf(SuppressRestartsException.class)
                .hasStackTraceContaining("are not in one chain")
                .hasStackTraceContaining("same parallelism");
    }
}
