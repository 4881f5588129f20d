package io.millrace.operators.kafka.source;

import io.millrace.operators.event.EventReading;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.EventSchemas;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.codec.record.WireFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
    private final List<String> inputSchemas;
    private transient EventReading json;
    private transient EventSchemas schemas;

    /** By schema and prefix. */
    private transient Map<EventSchemas.Writer, EventReading> avro;

    /**
     * @param form how requests are made of events; null where records are requests
     * @param inputSchemas schemas of events, as JSON; for Avro without a registry
     */
    public InboundDeserializer(FormatSettings format, EventForm form, List<String> inputSchemas) {
        this.format = format;
        this.form = form;
        this.inputSchemas = List.copyOf(inputSchemas);
    }

    @Override
    public void open(DeserializationSchema.InitializationContext context) {
        if (form == null) {
            codec = RecordCodec.open(RecordType.REQUEST, format, null);
        } else if (format.format() == WireFormat.JSON) {
            json = new EventReading(form);
        } else {
            schemas = new EventSchemas(format, inputSchemas);
            avro = new HashMap<>();
        }
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Inbound> out) {
        Origin origin = origin(record);
        Inbound inbound;
        try {
            inbound = form == null ? request(record, origin) : event(record, origin);
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
        EventReading events = json == null ? avro(record) : json;
        if (events.passes(origin.asEvent())) {
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

    private EventReading avro(ConsumerRecord<byte[], byte[]> record) throws CodecException {
        return avro.computeIfAbsent(
                schemas.of(record.value(), schemaId(record)),
                writer -> new EventReading(form, writer.schema(), writer.start()));
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
