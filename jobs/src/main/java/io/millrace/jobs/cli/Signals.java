package io.millrace.jobs.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Handles SIGINT and SIGTERM. A shutdown hook does not suffice: Flink's hooks run in parallel and
 * shut the cluster down while its savepoint is written. Uses reflection, since {@code sun.misc}
 * exists in every JDK but is no public API.
 */
public final class Signals {
    private Signals() {}

    /** Runs {@code stop} on the first signal, in the signal's thread; the second ends the JVM. */
    public static void onStop(Runnable stop) {
        AtomicInteger heard = new AtomicInteger();
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy =
                    Proxy.newProxyInstance(
                            Signals.class.getClassLoader(),
                            new Class<?>[] {handler},
                            (self, method, arguments) -> {
                                switch (method.getName()) {
                                    case "handle" -> {
                                        if (heard.getAndIncrement() > 0) {
                                            Runtime.getRuntime().halt(ExitCode.INTERRUPTED.code());
                                        }
                                        stop.run();
                                        return null;
                                    }
                                    case "hashCode" -> {
                                        return System.identityHashCode(self);
                                    }
                                    case "equals" -> {
                                        return self == arguments[0];
                                    }
                                    default -> {
                                        return "millrace";
                                    }
                                }
                            });
            for (String name : List.of("INT", "TERM")) {
                Object one = signal.getConstructor(String.class).newInstance(name);
                signal.getMethod("handle", signal, handler).invoke(null, one, proxy);
            }
        } catch (InvocationTargetException e) {
            // With -Xrs, or under a debugger that uses the signal, the default handler stays.
            return;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("This JVM has no signal handlers", e);
        }
    }
}
