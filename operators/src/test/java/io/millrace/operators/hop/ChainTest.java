package io.millrace.operators.hop;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.operators.Valved;
import io.millrace.operators.options.PipelineOptions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.streaming.api.datastream.AsyncDataStream;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.async.AsyncFunction;
import org.apache.flink.streaming.api.functions.async.ResultFuture;
import org.junit.jupiter.api.Test;

class ChainTest {
    private final StreamExecutionEnvironment env =
            StreamExecutionEnvironment.getExecutionEnvironment();
    private final PipelineOptions options = options("one");

    ChainTest() {
        env.setParallelism(3);
    }

    private static PipelineOptions options(String name) {
        return PipelineOptions.builder(EngineOptions.of("model")).name(name).build();
    }

    private SingleOutputStreamOperator<Long> valved(String name) {
        return read(Valved.source(new NumberSequenceSource(1, 17), options), name);
    }

    private SingleOutputStreamOperator<Long> read(Source<Long, ?, ?> source, String name) {
        return env.fromSource(source, WatermarkStrategy.noWatermarks(), name);
    }

    private static SingleOutputStreamOperator<Long> map(DataStream<Long> stream, String name) {
        MapFunction<Long, Long> same = number -> number;
        return stream.map(same).returns(Long.class).name(name);
    }

    private String broken(DataStream<Long> stream) {
        return Chain.behind(stream, "one").broken();
    }

    private String broken(UnaryOperator<DataStream<Long>> change) {
        return broken(change.apply(map(valved("numbers"), "look up")));
    }

    @Test
    void whatFlinkChainsToAWrappedSourceIsOneChain() {
        assertThat(broken(valved("numbers"))).isNull();
        assertThat(broken(stream -> map(stream.filter(n -> n > 5).name("few"), "more"))).isNull();
        assertThat(broken(DataStream::forward)).isNull();
    }

    @Test
    void anAsynchronousLookUpIsChained() {
        AsyncFunction<Long, Long> same =
                new AsyncFunction<>() {
                    @Override
                    public void asyncInvoke(Long number, ResultFuture<Long> result) {
                        result.complete(List.of(number));
                    }
                };
        assertThat(broken(s -> AsyncDataStream.unorderedWait(s, same, 1, TimeUnit.SECONDS)))
                .isNull();
    }

    @Test
    void anotherBranchChangesNothing() {
        DataStream<Long> stream = map(valved("numbers"), "look up");
        stream.print();
        map(stream.rebalance(), "elsewhere").print();
        assertThat(broken(stream)).isNull();
    }

    @Test
    void whatIsInTheWayIsNamed() {
        assertThat(broken(DataStream::rebalance))
                .isEqualTo("records go from \"look up\" to \"inference\" by REBALANCE");
        assertThat(broken(stream -> map(stream.keyBy(n -> n), "sum")))
                .isEqualTo("records go from \"look up\" to \"sum\" by HASH");
        assertThat(broken(stream -> map(stream, "two").setParallelism(2)))
                .isEqualTo("the parallelism of \"look up\" is 3, that of \"two\" is 2");
        assertThat(broken(stream -> stream.union(valved("others"))))
                .isEqualTo("\"inference\" has 2 inputs");
        assertThat(broken(stream -> map(stream, "alone").disableChaining()))
                .isEqualTo("\"alone\" and \"inference\" must not be chained, as the job says");
        assertThat(broken(stream -> map(map(stream, "new").startNewChain(), "last")))
                .isEqualTo("\"look up\" and \"new\" must not be chained, as the job says");
        assertThat(broken(stream -> map(stream, "far").slotSharingGroup("other")))
                .isEqualTo("\"look up\" and \"far\" must not be chained, as the job says");
    }

    @Test
    void aSourceThatIsNotWrappedForThisPipelineIsNamed() {
        assertThat(broken(map(read(new NumberSequenceSource(1, 17), "bare"), "look up")))
                .isEqualTo("the source \"bare\" is not wrapped by Valved.source");
        Source<Long, ?, ?> other = Valved.source(new NumberSequenceSource(1, 17), options("two"));
        assertThat(broken(read(other, "numbers")))
                .isEqualTo("the source \"numbers\" is wrapped for the pipeline two, not for one");
    }

    /** Looking must leave the job as it was. */
    @Test
    void theJobCanBeMadeAfterwards() {
        DataStream<Long> stream = map(valved("numbers"), "look up");
        assertThat(broken(stream)).isNull();
        map(stream, "last").print();
        assertThat(env.getStreamGraph(false).getStreamNodes()).hasSize(4);
    }
}
