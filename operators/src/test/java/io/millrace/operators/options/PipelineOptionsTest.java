package io.millrace.operators.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;

class PipelineOptionsTest {
    private final PipelineOptions.Builder builder =
            PipelineOptions.builder(EngineOptions.of("/models/triage/"));

    @Test
    void theyTravelInAJobGraph() throws Exception {
        PipelineOptions options = builder.batching(Batching.STATIC).ordered(true).build();
        PipelineOptions copy = InstantiationUtil.clone(options);
        assertThat(copy.engine()).isEqualTo(options.engine());
        assertThat(copy.batching()).isEqualTo(Batching.STATIC);
        assertThat(copy.loader()).hasSameClassAs(options.loader());
    }

    @Test
    void aBadValueIsNamed() {
        assertThatThrownBy(() -> builder.batchSize(0).build())
                .hasMessage("batchSize is 0: it must be at least 1.");
        assertThatThrownBy(() -> builder.batchSize(1).lingerMs(-5).build())
                .hasMessageContaining("lingerMs is -5");
        assertThatThrownBy(() -> builder.lingerMs(0).maxInFlightTokens(0).build())
                .hasMessageContaining("maxInFlightTokens is 0");
        assertThatThrownBy(() -> builder.maxInFlightTokens(1).name(" ").build())
                .hasMessageContaining("name");
    }

    @Test
    void fourRequestsASequenceAreInFlightUnlessSaidOtherwise() {
        assertThat(builder.build().maxInFlightRequests(64)).isEqualTo(256);
        assertThat(builder.build().maxInFlightRequests(256)).isEqualTo(1024);
        assertThat(builder.build().maxInFlightRequests(1 << 30)).isEqualTo(Integer.MAX_VALUE);
        assertThat(builder.maxInFlightRequests(3).build().maxInFlightRequests(64)).isEqualTo(3);
        assertThatThrownBy(() -> builder.maxInFlightRequests(-1).build())
                .hasMessageContaining(
                        "maxInFlightRequests is -1: it must be at least 1, or 0 for the default.");
    }

    @Test
    void whatCannotHoldThroughAHopIsRefusedWithTheRemedy() {
        builder.partitioning(Partitioning.PREFIX).build();
        assertThatThrownBy(() -> builder.batching(Batching.STATIC).build())
                .hasMessageContaining("partitioning prefix does not go with batching static")
                .hasMessageContaining("use batching dynamic");
        assertThatThrownBy(() -> builder.batching(Batching.DYNAMIC).ordered(true).build())
                .hasMessageContaining("partitioning prefix does not go with ordered")
                .hasMessageContaining("leave ordered away");
        builder.partitioning(Partitioning.NONE).build();
    }
}
