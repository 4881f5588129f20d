package io.millrace.operators.kafka.sink;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.apache.flink.api.common.JobInfo;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;
import org.apache.flink.util.FlinkRuntimeException;
import org.apache.flink.util.UserCodeClassLoader;
import org.apache.flink.util.function.ThrowingRunnable;
import org.apache.kafka.clients.producer.RecordMetadata;

/** A writer's context that passes the metadata of each record to a counter. */
final class WatchedWriterContext implements WriterInitContext {
    private final WriterInitContext context;
    private final RecordCounter counter;
    private final RefusedRecords refused;

    WatchedWriterContext(WriterInitContext context, RecordCounter counter, RefusedRecords refused) {
        this.context = context;
        this.counter = counter;
        this.refused = refused;
    }

    /** The connector requests a consumer of Kafka's metadata, regardless of the type. */
    @Override
    @SuppressWarnings("unchecked")
    public <MetaT> Optional<Consumer<MetaT>> metadataConsumer() {
        Optional<Consumer<RecordMetadata>> also = context.metadataConsumer();
        Consumer<RecordMetadata> all = also.map(counter::andThen).orElse(counter);
        return Optional.of((Consumer<MetaT>) all);
    }

    @Override
    public UserCodeClassLoader getUserCodeClassLoader() {
        return context.getUserCodeClassLoader();
    }

    @Override
    public MailboxExecutor getMailboxExecutor() {
        return new WatchedMailbox(context.getMailboxExecutor(), refused);
    }

    @Override
    public ProcessingTimeService getProcessingTimeService() {
        return context.getProcessingTimeService();
    }

    @Override
    public SinkWriterMetricGroup metricGroup() {
        return context.metricGroup();
    }

    @Override
    public SerializationSchema.InitializationContext asSerializationSchemaInitializationContext() {
        return context.asSerializationSchemaInitializationContext();
    }

    @Override
    public boolean isObjectReuseEnabled() {
        return context.isObjectReuseEnabled();
    }

    @Override
    public <IN> TypeSerializer<IN> createInputSerializer() {
        return context.createInputSerializer();
    }

    @Override
    public OptionalLong getRestoredCheckpointId() {
        return context.getRestoredCheckpointId();
    }

    @Override
    public JobInfo getJobInfo() {
        return context.getJobInfo();
    }

    @Override
    public TaskInfo getTaskInfo() {
        return context.getTaskInfo();
    }

    /** A mailbox that explains failures of mails, by which the connector's writer reports some. */
    private static final class WatchedMailbox implements MailboxExecutor {
        private final MailboxExecutor mailbox;
        private final RefusedRecords refused;

        WatchedMailbox(MailboxExecutor mailbox, RefusedRecords refused) {
            this.mailbox = mailbox;
            this.refused = refused;
        }

        @Override
        public void execute(
                MailOptions options,
                ThrowingRunnable<? extends Exception> command,
                String description,
                Object... arguments) {
            mailbox.execute(
                    options,
                    () -> {
                        try {
                            command.run();
                        } catch (Exception e) {
                            throw refused.explained(e);
                        }
                    },
                    description,
                    arguments);
        }

        @Override
        public void yield() throws InterruptedException, FlinkRuntimeException {
            mailbox.yield();
        }

        @Override
        public boolean tryYield() throws FlinkRuntimeException {
            return mailbox.tryYield();
        }

        @Override
        public boolean shouldInterrupt() {
            return mailbox.shouldInterrupt();
        }
    }
}
