package io.millrace.operators.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingEngine;
import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.InboundSerializer;
import io.millrace.operators.record.WireType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.streaming.api.operators.StreamingRuntimeContext;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ValvedSourceTest {
    private final List<String> calls = new ArrayList<>();
    private InputStatus next = InputStatus.MORE_AVAILABLE;

    /** Remembers what is called on it. */
    @SuppressWarnings("unchecked")
    private <T> T recording(Class<T> type) {
        return (T)
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) -> {
                            calls.add(signature(method));
                            Class<?> result = method.getReturnType();
                            if (result == InputStatus.class) {
                                return next;
                            }
                            if (result == CompletableFuture.class) {
                                return CompletableFuture.completedFuture(null);
                            }
                            return null;
                        });
    }

    private static String signature(Method method) {
        return method.getName() + Arrays.toString(method.getParameterTypes());
    }

    private static Stream<Method> readerMethods() {
        return Arrays.stream(SourceReader.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()));
    }

    private static Stream<Method> sourceMethods() {
        return Arrays.stream(Source.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .filter(method -> !method.getName().equals("createReader"));
    }

    private static Object[] someArguments(Method method) {
        return Arrays.stream(method.getParameterTypes())
                .map(type -> type == long.class ? (Object) 17L : null)
                .toArray();
    }

    private static Valve valve(int maxRequests) throws Exception {
        var harness =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options(maxRequests)),
                        InboundSerializer.INSTANCE);
        try (harness) {
            harness.open();
            StreamingRuntimeContext context = harness.getOperator().getRuntimeContext();
            Valve valve = Valve.register(context, options(maxRequests), 64);
            assertThat(Valve.find(context, "millrace")).isSameAs(valve);
            assertThat(Valve.find(context, "another pipeline")).isNull();
            valve.unregister();
            assertThat(Valve.find(context, "millrace")).isNull();
            return valve;
        }
    }

    private static PipelineOptions options(int maxRequests) {
        return PipelineOptions.builder(TestingEngine.options("valve"), TestingEngine.loader())
                .maxInFlightRequests(maxRequests)
                .maxInFlightTokens(1000)
                .build();
    }

    @SuppressWarnings("unchecked")
    private ValvedSourceReader<Inbound, SourceSplit> reader(Valve valve) {
        ValvedSourceReader<Inbound, SourceSplit> reader =
                new ValvedSourceReader<>(recording(SourceReader.class), () -> valve);
        reader.start();
        return reader;
    }

    @ParameterizedTest
    @MethodSource("readerMethods")
    void everyMethodOfTheReaderIsCalledThrough(Method method) throws Exception {
        ValvedSourceReader<Inbound, SourceSplit> reader = reader(valve(1));
        calls.clear();
        Method own =
                ValvedSourceReader.class.getDeclaredMethod(
                        method.getName(), method.getParameterTypes());
        own.setAccessible(true);
        own.invoke(reader, someArguments(method));
        assertThat(calls).containsExactly(signature(method));
    }

    @ParameterizedTest
    @MethodSource("sourceMethods")
    @SuppressWarnings("unchecked")
    void everyMethodOfTheSourceIsCalledThrough(Method method) throws Exception {
        ValvedSource<Inbound, ?, ?> source =
                ValvedSource.of(recording(Source.class), WireType.INBOUND, "millrace");
        Method own =
                ValvedSource.class.getDeclaredMethod(method.getName(), method.getParameterTypes());
        own.invoke(source, someArguments(method));
        assertThat(calls).containsExactly(signature(method));
    }

    @Test
    void theTypeIsTheOneGiven() {
        TypeInformation<Long> type = TypeInformation.of(Long.class);
        assertThat(
                        ValvedSource.of(new NumberSequenceSource(0, 1), type, "millrace")
                                .getProducedType())
                .isEqualTo(type);
    }

    @Test
    void aClosedValveMakesNothingAvailableUntilItOpens() throws Exception {
        Valve valve = valve(2);
        var reader = reader(valve);
        assertThat(reader.pollNext(null)).isEqualTo(InputStatus.MORE_AVAILABLE);
        valve.add(2, 54);
        assertThat(reader.pollNext(null)).isEqualTo(InputStatus.NOTHING_AVAILABLE);
        CompletableFuture<Void> available = reader.isAvailable();
        assertThat(available).isNotDone();
        valve.add(-1, -54);
        assertThat(available).isDone();
        assertThat(reader.isAvailable()).isDone();
        assertThat(reader.pollNext(null)).isEqualTo(InputStatus.MORE_AVAILABLE);
    }

    @Test
    void theEndOfInputIsHeldBackUntilNothingIsInFlight() throws Exception {
        Valve valve = valve(17);
        var reader = reader(valve);
        valve.add(2, 2);
        List<String> flushed = new ArrayList<>();
        valve.onEndOfInput(() -> flushed.add("flushed"));
        next = InputStatus.END_OF_INPUT;
        assertThat(reader.pollNext(null)).isEqualTo(InputStatus.NOTHING_AVAILABLE);
        assertThat(flushed).hasSize(1);
        CompletableFuture<Void> available = reader.isAvailable();
        valve.add(-1, -1);
        assertThat(available).isNotDone();
        assertThat(reader.pollNext(null)).isEqualTo(InputStatus.NOTHING_AVAILABLE);
        valve.add(-1, -1);
        assertThat(available).isDone();
        assertThat(reader.pollNext(null)).isEqualTo(InputStatus.END_OF_INPUT);
        assertThat(flushed).hasSize(1);
    }

    @Test
    void anInputThatEndsWithNothingInFlightEndsAtOnce() throws Exception {
        var reader = reader(valve(1));
        next = InputStatus.END_OF_INPUT;
        assertThat(reader.pollNext(null)).isEqualTo(InputStatus.END_OF_INPUT);
    }

    @Test
    @SuppressWarnings("unchecked")
    void withoutTheInferenceOperatorInTheChainTheReaderRefusesToStart() throws Exception {
        var harness =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options(1)), InboundSerializer.INSTANCE);
        try (harness) {
            harness.open();
            StreamingRuntimeContext context = harness.getOperator().getRuntimeContext();
            var reader =
                    new ValvedSourceReader<Inbound, SourceSplit>(
                            recording(SourceReader.class),
                            () -> Valve.require(context, "millrace"));
            assertThatThrownBy(reader::start)
                    .isInstanceOf(SuppressRestartsException.class)
                    .hasStackTraceContaining("are not in one chain");
            assertThat(calls).isEmpty();
        }
    }
}
