package io.millrace.gpu.sampling.constraint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.sampling.grammar.GrammarCompiler;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HeldGrammarsTest {
    private static final Duration LONG = Duration.ofMinutes(5);

    private final GrammarCompiler compiler = compiler();
    private final Grammar a = compiler.regex("[a-z]{97}");
    private final Grammar b = compiler.regex("[a-y]{97}");
    private final Grammar c = compiler.regex("[a-x]{97}");

    /** Two of them fit. */
    private final HeldGrammars held = new HeldGrammars(a.compiledBytes() * 5 / 2);

    private static GrammarCompiler compiler() {
        byte[][] tokens = new byte[256][];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = new byte[] {(byte) i};
        }
        return new GrammarCompiler(new Vocabulary(tokens), true, 64 << 20);
    }

    @Test
    void requestsOfOneConstraintHoldItsBytesOnce() throws Exception {
        for (int i = 0; i < 97; i++) {
            held.hold(a, Duration.ZERO);
        }
        assertThat(held.bytes()).isEqualTo(a.compiledBytes()).isGreaterThan(1000);
        for (int i = 0; i < 97; i++) {
            assertThat(held.bytes()).isPositive();
            held.release(a);
        }
        assertThat(held.bytes()).isZero();
    }

    @Test
    void whoIsBeyondTheBoundWaitsUntilOneIsGivenBack() throws Exception {
        held.hold(a, LONG);
        held.hold(a, LONG);
        held.hold(b, LONG);
        CompletableFuture<Void> third = holding(c);
        held.release(a);
        assertThatThrownBy(() -> third.get(50, TimeUnit.MILLISECONDS))
                .as("the first is held by another")
                .isInstanceOf(TimeoutException.class);
        held.release(a);
        third.get();
        assertThat(held.bytes()).isEqualTo(b.compiledBytes() + c.compiledBytes());
    }

    @Test
    void whoWaitsInVainIsRefusedWithTheFiguresAndTheRemedy() throws Exception {
        held.hold(a, LONG);
        held.hold(b, LONG);
        assertThatThrownBy(() -> held.hold(c, Duration.ofMillis(20)))
                .isInstanceOf(RequestRejectedException.class)
                .hasMessageContaining("%,d bytes compiled".formatted(c.compiledBytes()))
                .hasMessageContaining("those of 2 other requests in flight")
                .hasMessageContaining("raise --constraint-memory");
        held.hold(a, Duration.ZERO);
        assertThat(held.bytes()).isEqualTo(a.compiledBytes() + b.compiledBytes());
    }

    @Test
    void aThreadThatIsInterruptedDoesNotWait() throws Exception {
        held.hold(a, LONG);
        held.hold(b, LONG);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> held.hold(c, LONG)).isInstanceOf(RequestRejectedException.class);
        assertThat(Thread.interrupted()).isTrue();
    }

    /** Otherwise no request could ever have it. */
    @Test
    void oneAloneIsHeldHoweverLarge() throws Exception {
        HeldGrammars small = new HeldGrammars(1);
        small.hold(a, Duration.ZERO);
        assertThatThrownBy(() -> small.hold(b, Duration.ZERO))
                .isInstanceOf(RequestRejectedException.class);
        small.release(a);
        small.hold(b, Duration.ZERO);
    }

    private CompletableFuture<Void> holding(Grammar grammar) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        held.hold(grammar, LONG);
                    } catch (RequestRejectedException e) {
                        throw new AssertionError(e);
                    }
                });
    }
}
