package io.millrace.operators.hop;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.TestingRequests;
import io.millrace.operators.record.Inbound;
import io.millrace.schemas.FailureCode;
import org.apache.flink.runtime.plugable.SerializationDelegate;
import org.apache.flink.streaming.runtime.partitioner.StreamPartitioner;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrefixPartitionerTest {
    private final SerializationDelegate<StreamRecord<Inbound>> delegate =
            new SerializationDelegate<>(null);

    private int channel(StreamPartitioner<Inbound> partitioner, Inbound inbound) {
        delegate.setInstance(new StreamRecord<>(inbound));
        return partitioner.selectChannel(delegate);
    }

    private static Inbound.Request request(String prompt) {
        Inbound.Request request = TestingRequests.request("r", 1);
        request.request().setPrompt(prompt);
        return request;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7})
    void equalBeginningsGoToOneSubtaskAlsoFromAnotherSender(int subtasks) throws Exception {
        StreamPartitioner<Inbound> one = new PrefixPartitioner();
        StreamPartitioner<Inbound> two = InstantiationUtil.clone(one).copy();
        one.setup(subtasks);
        two.setup(subtasks);
        for (int i = 0; i < 97; i++) {
            String template = i + "t".repeat(PromptPrefix.CHARACTERS);
            int channel = channel(one, request(template + "a"));
            assertThat(channel).isBetween(0, subtasks - 1);
            assertThat(channel(one, request(template + "b"))).isEqualTo(channel);
            assertThat(channel(two, request(template + "c"))).isEqualTo(channel);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7})
    void whatWillFailIsSpreadEvenlyAndCountsForNothing(int subtasks) {
        StreamPartitioner<Inbound> partitioner = new PrefixPartitioner();
        partitioner.setup(subtasks);
        int own = channel(partitioner, request("a"));
        int[] counts = new int[subtasks];
        for (int i = 0; i < 1023 * subtasks; i++) {
            Inbound bad =
                    new Inbound.Rejected(
                            TestingRequests.origin("bad"), "bad", FailureCode.UNREADABLE, "why");
            counts[channel(partitioner, bad)]++;
        }
        assertThat(counts).containsOnly(1023);
        assertThat(channel(partitioner, request("a"))).isEqualTo(own);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7})
    void unalignedCheckpointsAreSupportedWithoutAskingAgainWhereRecordsBelong(int subtasks) {
        StreamPartitioner<Inbound> partitioner = new PrefixPartitioner();
        partitioner.setup(subtasks);
        assertThat(partitioner.isSupportsUnalignedCheckpoint()).isTrue();
        assertThat(partitioner.getDownstreamSubtaskStateMapper().isAmbiguous()).isFalse();
        assertThat(partitioner.getUpstreamSubtaskStateMapper().isAmbiguous()).isFalse();
    }
}
