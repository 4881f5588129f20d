package io.millrace.gpu.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScopeTest {
    private final List<String> closed = new ArrayList<>();
    private final Scope scope = new Scope();

    private AutoCloseable named(String name) {
        return () -> closed.add(name);
    }

    private AutoCloseable failing(String name, Exception failure) {
        return () -> {
            closed.add(name);
            throw failure;
        };
    }

    @Test
    void closesInReverseOrderAndOnce() throws Exception {
        AutoCloseable a = named("a");
        assertThat(scope.add(a)).isSameAs(a);
        scope.add(named("b"));
        scope.close();
        scope.add(named("c"));
        scope.close();
        assertThat(closed).containsExactly("b", "a", "c");
    }

    @Test
    void closesAllWhateverOneOfThemThrows() {
        scope.add(named("a"));
        scope.add(failing("b", new IllegalArgumentException("second")));
        scope.add(failing("c", new IOException("first")));
        assertThatThrownBy(scope::close)
                .isInstanceOf(UncheckedIOException.class)
                .hasRootCauseMessage("first")
                .satisfies(
                        e ->
                                assertThat(e.getCause().getSuppressed())
                                        .extracting(Throwable::getMessage)
                                        .containsExactly("second"));
        assertThat(closed).containsExactly("c", "b", "a");
    }

    @Test
    void whatFailedFirstStaysTheFailure() {
        scope.add(failing("a", new IllegalArgumentException("closing")));
        IOException failure = new IOException("opening");
        scope.closeAfter(failure);
        assertThat(closed).containsExactly("a");
        assertThat(failure.getSuppressed())
                .extracting(Throwable::getMessage)
                .containsExactly("closing");
    }

    @Test
    void anInterruptionIsKept() {
        scope.add(failing("a", new InterruptedException()));
        assertThatThrownBy(scope::close).isInstanceOf(IllegalStateException.class);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void aFailureThatClosingThrowsAgainStaysTheFailure() {
        IllegalStateException failure = new IllegalStateException("once");
        Scope scope = new Scope();
        scope.add(
                () -> {
                    throw failure;
                });
        scope.closeAfter(failure);
        assertThat(failure).hasNoSuppressedExceptions();
    }
}
