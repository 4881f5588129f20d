package io.millrace.operators.kafka.sink;

import java.io.IOException;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * Writes pending transactions as operator state.
 *
 * <pre>
 *   [version of the connector's form, int][its length, int][the connector's form]
 *   [records, long][topic, UTF][partition, int][offset, long]
 * </pre>
 */
final class PendingTransactionSerializer implements SimpleVersionedSerializer<PendingTransaction> {
    static final int VERSION = 2;

    /** The connector's form only. */
    private static final int FIRST = 1;

    private final SimpleVersionedSerializer<KafkaCommittable> connector;

    PendingTransactionSerializer(SimpleVersionedSerializer<KafkaCommittable> connector) {
        this.connector = connector;
    }

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(PendingTransaction transaction) throws IOException {
        byte[] committable = connector.serialize(transaction.committable());
        DataOutputSerializer out = new DataOutputSerializer(committable.length + 64);
        out.writeInt(connector.getVersion());
        out.writeInt(committable.length);
        out.write(committable);
        out.writeLong(transaction.records());
        out.writeUTF(transaction.topic());
        out.writeInt(transaction.partition());
        out.writeLong(transaction.offset());
        return out.getCopyOfBuffer();
    }

    @Override
    public PendingTransaction deserialize(int version, byte[] bytes) throws IOException {
        if (version == FIRST) {
            return new PendingTransaction(connector.deserialize(1, bytes), 0, null, -1, -1);
        }
        if (version != VERSION) {
            throw new IOException(
                    "A pending Kafka transaction was saved in form "
                            + version
                            + ", and this release reads forms up to "
                            + VERSION
                            + ": restore with the release that wrote the savepoint, stop it"
                            + " with --drain, then start this one.");
        }
        DataInputDeserializer in = new DataInputDeserializer(bytes);
        int connectorVersion = in.readInt();
        byte[] committable = new byte[in.readInt()];
        in.readFully(committable);
        return new PendingTransaction(
                connector.deserialize(connectorVersion, committable),
                in.readLong(),
                in.readUTF(),
                in.readInt(),
                in.readLong());
    }
}
