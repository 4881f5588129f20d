package io.millrace.gpu.common;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Closes the resources that were added to it, in reverse order: all of them, even if closing one
 * throws. For one thread.
 *
 * <pre>
 *   Scope scope = new Scope();
 *   try {
 *       first = scope.add(new First());
 *       second = scope.add(new Second(first));
 *   } catch (Throwable t) {
 *       scope.closeAfter(t);
 *       throw t;
 *   }
 * </pre>
 */
public final class Scope implements AutoCloseable {
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    /** Adds a resource, to be closed before all that were added earlier. */
    public <T extends AutoCloseable> T add(T one) {
        opened.push(one);
        return one;
    }

    /** Closes after a failure, to which failures of closing are added as suppressed. */
    public void closeAfter(Throwable failure) {
        try {
            close();
        } catch (RuntimeException | Error e) {
            if (e != failure) {
                failure.addSuppressed(e);
            }
        }
    }

    /**
     * Closes the resources that were added since the last call.
     *
     * @throws UncheckedIOException the first failure, where it is an {@link IOException}; other
     *     checked ones become {@link IllegalStateException}s. Later failures are added to it.
     */
    @Override
    public void close() {
        Throwable first = null;
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Throwable t) {
                if (t instanceof InterruptedException) {
                    Thread.currentThread().interrupt();
                }
                if (first == null) {
                    first = t;
                } else if (first != t) {
                    first.addSuppressed(t);
                }
            }
        }
        if (first instanceof Error error) {
            throw error;
        } else if (first instanceof RuntimeException unchecked) {
            throw unchecked;
        } else if (first instanceof IOException io) {
            throw new UncheckedIOException(io);
        } else if (first != null) {
            throw new IllegalStateException(first);
        }
    }
}
