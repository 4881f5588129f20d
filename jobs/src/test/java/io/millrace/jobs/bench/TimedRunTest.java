package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.model.TinyModels;
import io.millrace.jobs.cli.CommandFailedException;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TimedRunTest {
    @TempDir Path folder;

    /** What a device tells before the news of a step. */
    private record Gap(int tokens, int rows, long nanos) {}

    private TimedRun run(List<Gap> gaps) throws IOException {
        Path model = TinyModels.qwen2().context(97).write(folder);
        EngineOptions options = EngineOptions.of(model.toString()).withDevice(Device.CPU);
        Iterator<Gap> next = gaps.iterator();
        try (Engine engine = Engine.open(options, (phase, done, total) -> {})) {
            Engine telling =
                    (Engine)
                            Proxy.newProxyInstance(
                                    Engine.class.getClassLoader(),
                                    new Class<?>[] {Engine.class},
                                    (proxy, method, arguments) -> {
                                        if (method.getName().equals("step") && next.hasNext()) {
                                            Gap gap = next.next();
                                            ((StepListener) arguments[0])
                                                    .onDeviceGap(gap.tokens, gap.rows, gap.nanos);
                                        }
                                        return method.invoke(engine, arguments);
                                    });
            int vocabulary = engine.model().vocabularySize();
            return TimedRun.of(telling, BenchWorkload.decode(3, 40).draw(1, vocabulary));
        }
    }

    @Test
    void gapsAreThoseOfDecodingAndOtherStepsButNotBeforeTheFirst() throws IOException {
        TimedRun run =
                run(
                        List.of(
                                new Gap(30, 3, 5_000_000_000L),
                                new Gap(3, 3, 9_000),
                                new Gap(4, 3, 54_000),
                                new Gap(3, 3, 7_500)));
        assertThat(run.decodeGapMicros()).containsExactly(7.5, 9);
        assertThat(run.mixedGapMicros()).containsExactly(54);
        assertThat(run.busy()).isBetween(0.0, 1 - 1e-9);
    }

    @Test
    void aDeviceThatCannotTellHasNoGaps() throws IOException {
        TimedRun run = run(List.of());
        assertThat(run.decodeGapMicros()).isEmpty();
        assertThat(run.mixedGapMicros()).isEmpty();
        assertThat(run.busy()).isEqualTo(1);
    }

    @Test
    void aTokenThatTheModelDoesNotKnowIsRefused() throws IOException {
        TimedRun run = run(List.of());
        run.checkTokens(320);
        assertThatThrownBy(() -> run.checkTokens(0))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContainingAll("A request got token", "of 0: nothing of this run counts");
    }
}
