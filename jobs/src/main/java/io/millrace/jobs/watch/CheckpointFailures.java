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
 * Collects the exceptions that failed checkpoints of this process, from one of Flink's loggers,
 * which gets all of them with their causes. Flink's statistics only keep the outermost message
 * ("Asynchronous task checkpoint failed."), and only count checkpoints that could not begin. Safe
 * for any thread.
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

    /** Listens until it is closed, also after the logging configuration is reloaded. */
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
            // Notifies all listeners of the changed configuration, this one included.
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

    /** Takes the failures since the last call, in order. */
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
