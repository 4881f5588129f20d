package io.millrace.gpu.sampling.constraint;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.sampling.grammar.GrammarCompiler;
import io.millrace.gpu.sampling.grammar.GrammarException;
import io.millrace.gpu.sampling.grammar.mask.StateBytes;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * The grammars of constraints for one vocabulary. Each is compiled once, on the thread that asks
 * for it first; others that want the same wait for it. Bounded in bytes: those that were not asked
 * for longest are forgotten, and go on for who holds them. Of a memory, half is for states and
 * masks of all grammars, here or elsewhere, a quarter for what is compiled of those that are kept
 * here, and a quarter for what is compiled of those that requests hold. Safe for any thread.
 */
public final class GrammarCache {
    /** The tokens of a model, found when the first constraint comes. */
    @FunctionalInterface
    public interface Tokens {
        /**
         * @throws RequestRejectedException the bytes of this model's tokens are not known
         */
        Vocabulary find() throws RequestRejectedException;
    }

    /** Grammars grow while they are used: so often all are counted again. */
    private static final int USES_BETWEEN_COUNTS = 64;

    /** About the bytes of what belongs to a constraint besides its text and its states. */
    private static final long LEAST_BYTES = 1 << 10;

    private static final int LONGEST_MESSAGE = 1000;

    /** How long a constraint waits while no request gives one back. */
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final Tokens tokens;
    private final StateBytes together;
    private final HeldGrammars held;
    private final long maxBytes;

    /** In order of use. Guarded by itself, as is what follows. */
    private final Map<Constraint, FutureTask<Grammar>> grammars =
            new LinkedHashMap<>(16, 0.75f, true);

    private FutureTask<GrammarCompiler> compiler;
    private int uses;
    private long compiled;

    /**
     * @param maxBytes about as much is taken by all grammars together, and half of it by one
     */
    public GrammarCache(Tokens tokens, long maxBytes) {
        this.maxBytes = maxBytes;
        this.tokens = tokens;
        // All states together take at most twice their bound.
        together = new StateBytes(maxBytes / 4);
        held = new HeldGrammars(maxBytes / 4);
    }

    /**
     * The grammar of a constraint for a request, until it is closed. Waits while those that
     * requests hold take too much.
     *
     * @throws RequestRejectedException as {@link #get}, or none was given back for long
     */
    public CompiledConstraint hold(Constraint constraint) throws RequestRejectedException {
        return hold(constraint, PATIENCE);
    }

    /** The same without waiting, for the thread that gives others back. */
    public CompiledConstraint holdAtOnce(Constraint constraint) throws RequestRejectedException {
        return hold(constraint, Duration.ZERO);
    }

    private CompiledConstraint hold(Constraint constraint, Duration patience)
            throws RequestRejectedException {
        Grammar grammar = get(constraint);
        held.hold(grammar, patience);
        return new CompiledConstraint(grammar, () -> held.release(grammar));
    }

    /**
     * The grammar of a constraint. Compiling one that is new takes milliseconds, rarely a second.
     *
     * @throws RequestRejectedException it is wrong, not supported, or beyond a limit: with the
     *     keyword and its place
     */
    public Grammar get(Constraint constraint) throws RequestRejectedException {
        if (constraint instanceof CompiledConstraint known) {
            return known.grammar();
        }
        FutureTask<Grammar> task = new FutureTask<>(() -> compile(constraint));
        FutureTask<Grammar> known;
        synchronized (grammars) {
            known = grammars.putIfAbsent(constraint, task);
            // A look puts it behind the others.
            grammars.get(constraint);
        }
        if (known == null) {
            task.run();
        }
        FutureTask<Grammar> asked = known == null ? task : known;
        try {
            return result(asked);
        } catch (Error e) {
            // Not enough memory now may be enough later.
            synchronized (grammars) {
                grammars.remove(constraint, asked);
            }
            throw e;
        } finally {
            forgetSome(known == null);
        }
    }

    private GrammarCompiler compiler() throws RequestRejectedException {
        FutureTask<GrammarCompiler> task;
        synchronized (grammars) {
            if (compiler == null) {
                compiler =
                        new FutureTask<>(
                                () ->
                                        new GrammarCompiler(
                                                tokens.find(), true, maxBytes / 2, together));
            }
            task = compiler;
        }
        task.run();
        try {
            return result(task);
        } catch (Error e) {
            synchronized (grammars) {
                compiler = compiler == task ? null : compiler;
            }
            throw e;
        }
    }

    /** How many were compiled so far. */
    public long compiled() {
        synchronized (grammars) {
            return compiled;
        }
    }

    private Grammar compile(Constraint constraint) throws RequestRejectedException {
        GrammarCompiler ready = compiler();
        synchronized (grammars) {
            compiled++;
        }
        try {
            return compile(ready, constraint);
        } catch (GrammarException e) {
            String message = e.getMessage();
            throw new RequestRejectedException(
                    Reason.UNSUPPORTED,
                    message.length() <= LONGEST_MESSAGE
                            ? message
                            : message.substring(0, LONGEST_MESSAGE) + "...");
        }
    }

    private static Grammar compile(GrammarCompiler compiler, Constraint constraint) {
        if (constraint instanceof Constraint.JsonSchema json) {
            return compiler.jsonSchema(json.schema());
        } else if (constraint instanceof Constraint.Regex regex) {
            return compiler.regex(regex.pattern());
        } else if (constraint instanceof Constraint.Choice choice) {
            return compiler.choice(choice.texts());
        }
        throw new IllegalArgumentException("Another engine compiled " + constraint);
    }

    private static <T> T result(FutureTask<T> task) throws RequestRejectedException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    // Who compiles it comes to an end.
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            throw failure(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** A new one, since each request that waited throws it. */
    private static RequestRejectedException failure(Throwable cause) {
        if (cause instanceof RequestRejectedException rejected) {
            RequestRejectedException again =
                    new RequestRejectedException(rejected.reason(), rejected.getMessage());
            again.initCause(rejected);
            return again;
        }
        if (cause instanceof VirtualMachineError error && !(error instanceof StackOverflowError)) {
            throw error;
        }
        RequestRejectedException unforeseen =
                new RequestRejectedException(
                        Reason.UNSUPPORTED, "The constraint could not be compiled: " + cause);
        unforeseen.initCause(cause);
        return unforeseen;
    }

    /** About what is kept, without states and masks. */
    long bytes() {
        synchronized (grammars) {
            return grammars.entrySet().stream().mapToLong(GrammarCache::bytes).sum();
        }
    }

    private void forgetSome(boolean isNew) {
        synchronized (grammars) {
            if (!isNew && ++uses % USES_BETWEEN_COUNTS != 0) {
                return;
            }
            long bytes = bytes();
            Iterator<Map.Entry<Constraint, FutureTask<Grammar>>> oldest =
                    grammars.entrySet().iterator();
            while (bytes > maxBytes / 4 && oldest.hasNext()) {
                bytes -= bytes(oldest.next());
                oldest.remove();
            }
        }
    }

    private static long bytes(Map.Entry<Constraint, FutureTask<Grammar>> entry) {
        long bytes = LEAST_BYTES + textBytes(entry.getKey());
        if (!entry.getValue().isDone()) {
            return bytes;
        }
        try {
            return bytes + entry.getValue().get().compiledBytes();
        } catch (ExecutionException e) {
            // What is kept is the refusal.
            return bytes;
        } catch (InterruptedException e) {
            throw new IllegalStateException("A task that is done does not wait", e);
        }
    }

    private static long textBytes(Constraint constraint) {
        long characters = 0;
        if (constraint instanceof Constraint.JsonSchema json) {
            characters = json.schema().length();
        } else if (constraint instanceof Constraint.Regex regex) {
            characters = regex.pattern().length();
        } else if (constraint instanceof Constraint.Choice choice) {
            characters = choice.texts().stream().mapToLong(String::length).sum();
        }
        return 2 * characters;
    }
}
