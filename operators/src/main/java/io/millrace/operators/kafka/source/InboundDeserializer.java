package io.millrace.operators.kafka.source;

import io.millrace.operators.event.EventReading;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.SchemaRef;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/**
 * Reads requests from Kafka records, short ones completely, or makes them of events. Never throws
 * on data: a record that is no request becomes a rejection. (It does throw if a schema registry is
 * needed and does not answer.)
 */
public final class InboundDeserializer implements KafkaRecordDeserializationSchema<Inbound> {

    private static final long serialVersionUID = 1;
    private static final byte[] EMPTY = new byte[0];

    private final FormatSettings format;
    private final EventForm form;
    private transient RecordCodec<InferenceRequest> codec;
    private transient EventReading events;

    /**
     * @param form how requests are made of events; null where records are requests
     */
    public InboundDeserializer(FormatSettings format, EventForm form) {
        this.format = format;
        this.form = form;
    }

    @Override
    public void open(DeserializationSchema.InitializationContext context) {
        if (form == null) {
            codec = RecordCodec.open(RecordType.REQUEST, format, null);
        } else {
            events = new EventReading(form);
        }
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Inbound> out) {
        Origin origin = origin(record);
        Inbound inbound;
        try {
            inbound = events == null ? request(record, origin) : event(record, origin);
        } catch (CodecException e) {
            inbound = new Inbound.Rejected(origin, e.id(), e.code(), e.getMessage());
        }
        out.collect(inbound);
    }

    private Inbound event(ConsumerRecord<byte[], byte[]> record, Origin origin)
            throws CodecException {
        if (record.value() == null) {
            return new Inbound.Tombstone(origin);
        }
        Inbound unread = new Inbound.Unread(origin, null, events);
        if (origin.isLong()) {
            return unread;
        }
        return events.readBriefly(origin.asEvent())
                .<Inbound>map(request -> new Inbound.Request(origin, request, null, events))
                .orElse(unread);
    }

    private Inbound request(ConsumerRecord<byte[], byte[]> record, Origin origin)
            throws CodecException {
        return record.value() == null
                ? new Inbound.Rejected(
                        origin,
                        null,
                        FailureCode.UNREADABLE,
                        "the record has no value (a tombstone): send a request")
                : read(origin, codec.reading(record.value(), schemaId(record)));
    }

    private static Inbound read(Origin origin, Reading<InferenceRequest> reading) {
        Inbound.Unread unread = new Inbound.Unread(origin, reading);
        return origin.isLong() ? unread : unread.read();
    }

    private static byte[] schemaId(ConsumerRecord<byte[], byte[]> record) {
        Header header = record.headers().lastHeader(SchemaRef.HEADER);
        return header == null ? null : header.value();
    }

    private static Origin origin(ConsumerRecord<byte[], byte[]> record) {
        List<Origin.Header> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            headers.add(new Origin.Header(header.key(), header.value()));
        }
        return new Origin(
                record.topic(),
                new Position.InPartition(record.partition(), record.offset()),
                record.timestamp(),
                record.key(),
                headers,
                record.value() == null ? EMPTY : record.value());
    }

    @Override
    public TypeInformation<Inbound> getProducedType() {
        return TypeInformation.of(Inbound.class);
    }
}
