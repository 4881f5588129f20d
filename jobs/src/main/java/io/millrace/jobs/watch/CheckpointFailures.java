package io.millrace.jobs.watch;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.CheckpointException;
import org.apache.flink.runtime.checkpoint.CheckpointFailureManager;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.config.Property;

/**
 * Collects the exceptions that made checkpoints of this process fail. Flink's statistics keep the
 * outermost message only ("Asynchronous task checkpoint failed."), and count checkpoints that could
 * not even begin; one logger of Flink is given all of them, with their causes. Safe for any thread.
 */
final class CheckpointFailures extends AbstractAppender implements AutoCloseable {
    private static final String LOGGER = CheckpointFailureManager.class.getName();

    private final LoggerContext context = (LoggerContext) LogManager.getContext(false);

    /** Guarded by itself. */
    private final List<Failure> failures = new ArrayList<>();

    /** A checkpoint that failed at a time, milliseconds since 1970. */
    record Failure(long timeMs, CheckpointException cause) {}

    private CheckpointFailures() {
        super("checkpoint failures", null, null, true, Property.EMPTY_ARRAY);
    }

    /** Listens until it is closed, also where the logging's configuration is read anew. */
    static CheckpointFailures listen() {
        CheckpointFailures failures = new CheckpointFailures();
        failures.start();
        failures.attach();
        failures.context.addPropertyChangeListener(
                change -> {
                    if (failures.isStarted()
                            && LoggerContext.PROPERTY_CONFIG.equals(change.getPropertyName())) {
                        failures.attach();
                    }
                });
        return failures;
    }

    private void attach() {
        Configuration configuration = context.getConfiguration();
        LoggerConfig logger = configuration.getLoggerConfig(LOGGER);
        if (!logger.getName().equals(LOGGER)) {
            logger = new LoggerConfig(LOGGER, Level.WARN, true);
            configuration.addLogger(LOGGER, logger);
        }
        if (!logger.getAppenders().containsKey(getName())) {
            logger.addAppender(this, Level.WARN, null);
            // Tells all listeners of a changed configuration, this one too.
            context.updateLoggers();
        }
    }

    @Override
    public void append(LogEvent event) {
        if (event.getThrown() instanceof CheckpointException cause) {
            synchronized (failures) {
                failures.add(new Failure(event.getTimeMillis(), cause));
            }
        }
    }

    /** Those that failed since it was asked before, in order. */
    List<Failure> take() {
        synchronized (failures) {
            List<Failure> taken = List.copyOf(failures);
            failures.clear();
            return taken;
        }
    }

    @Override
    public void close() {
        context.getConfiguration().getLoggerConfig(LOGGER).removeAppender(getName());
        stop();
    }
}
