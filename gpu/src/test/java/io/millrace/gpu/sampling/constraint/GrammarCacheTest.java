package io.millrace.gpu.sampling.constraint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.sampling.grammar.GrammarCompiler;
import io.millrace.gpu.sampling.grammar.Matcher;
import io.millrace.gpu.sampling.grammar.mask.StateBytes;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class GrammarCacheTest {
    private static Vocabulary bytes() {
        byte[][] tokens = new byte[256][];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = new byte[] {(byte) i};
        }
        return new Vocabulary(tokens);
    }

    private static Constraint schema(int length) {
        return new Constraint.JsonSchema("{\"type\":\"string\",\"minLength\":" + length + "}");
    }

    @Test
    void equalConstraintsAreCompiledOnceWhoeverAsks() throws Exception {
        GrammarCache cache = new GrammarCache(GrammarCacheTest::bytes, 64 << 20);
        ExecutorService threads = Executors.newFixedThreadPool(7);
        try {
            CountDownLatch all = new CountDownLatch(7);
            List<Future<Grammar>> found = new ArrayList<>();
            for (int i = 0; i < 7; i++) {
                found.add(
                        threads.submit(
                                () -> {
                                    all.countDown();
                                    all.await();
                                    return cache.get(schema(17));
                                }));
            }
            for (Future<Grammar> one : found) {
                assertThat(one.get()).isSameAs(found.get(0).get());
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(cache.compiled()).isEqualTo(1);
        cache.get(schema(18));
        assertThat(cache.compiled()).isEqualTo(2);
    }

    @Test
    void whatIsWrongIsSaidToEachWhoAsksAndCompiledOnce() {
        GrammarCache cache = new GrammarCache(GrammarCacheTest::bytes, 64 << 20);
        Constraint wrong = new Constraint.Regex("(a)\\1");
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> cache.get(wrong))
                    .isInstanceOf(RequestRejectedException.class)
                    .hasMessageContaining("\\1 is not supported");
        }
        assertThat(cache.compiled()).isEqualTo(1);
        Constraint huge = new Constraint.Regex("(".repeat(5000));
        assertThatThrownBy(() -> cache.get(huge))
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(1100));
    }

    @Test
    void theOldestAreForgottenWhereTheBoundIsReached() throws Exception {
        GrammarCache cache = new GrammarCache(GrammarCacheTest::bytes, 4 << 20);
        Grammar first = cache.get(schema(0));
        for (int i = 1; i < 2000; i++) {
            cache.get(schema(i));
        }
        assertThat(cache.bytes()).isLessThanOrEqualTo(1 << 20);
        assertThat(cache.compiled()).isEqualTo(2000);
        cache.get(schema(1999));
        assertThat(cache.compiled()).as("the newest is there").isEqualTo(2000);
        assertThat(cache.get(schema(0))).as("the oldest is compiled again").isNotSameAs(first);
        assertThat(cache.compiled()).isEqualTo(2001);
        assertThat(first.matcher().accept("\"\"".getBytes())).as("who holds it goes on").isTrue();
    }

    @Test
    void withoutTheTokensBytesEachConstraintIsRefused() {
        GrammarCache cache =
                new GrammarCache(
                        () -> {
                            throw new RequestRejectedException(Reason.UNSUPPORTED, "no bytes");
                        },
                        1 << 20);
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> cache.get(Constraint.jsonObject())).hasMessage("no bytes");
        }
    }

    @Test
    void anErrorIsThrownToWhoAsksAndNotKept() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        GrammarCache cache =
                new GrammarCache(
                        () -> {
                            if (asked.getAndIncrement() == 0) {
                                throw new OutOfMemoryError("planted");
                            }
                            return bytes();
                        },
                        64 << 20);
        assertThatThrownBy(() -> cache.get(schema(1)))
                .isInstanceOf(OutOfMemoryError.class)
                .hasMessage("planted");
        assertThat(cache.bytes()).as("nothing is kept").isZero();
        assertThat(cache.get(schema(2)).isEmpty()).isFalse();
        assertThat(cache.get(schema(1)).isEmpty()).isFalse();
    }

    @Test
    void grammarsThatAreHeldElsewhereShareOneBoundOfStates() throws Exception {
        int most = 4 << 20;
        StateBytes together = new StateBytes(most);
        GrammarCompiler compiler = new GrammarCompiler(bytes(), true, most, together);
        List<Grammar> held = new ArrayList<>();
        long alone = 0;
        for (int i = 0; i < 40; i++) {
            held.add(compiler.jsonSchema("{\"minItems\": %d}".formatted(i)));
        }
        for (Grammar grammar : held) {
            Matcher matcher = grammar.matcher();
            for (int depth = 0; depth < 1000; depth++) {
                assertThat(matcher.accept("[".getBytes())).isTrue();
            }
            alone = Math.max(alone, grammar.bytes());
            assertThat(together.total()).isLessThan(2 * most);
        }
        assertThat(40 * alone).as("without the bound").isGreaterThan(4L * most);
        assertThat(together.total()).isGreaterThan(most / 2);
    }
}
