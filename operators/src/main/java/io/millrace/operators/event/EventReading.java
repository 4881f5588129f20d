package io.millrace.operators.event;

import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.record.CodecException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/**
 * Makes requests of events, and puts their answers into them, by one form of events. A pure
 * function of form and record. Any thread.
 */
public final class EventReading {
    private final EventForm form;

    /**
     * Made when it is first needed, since it parses the template; racing threads make equal ones.
     */
    private volatile EventRequests requests;

    private volatile Saved saved;

    /** The form as state has it. */
    private record Saved(byte[] bytes, long fingerprint) {}

    private final EventValues values;

    /**
     * Events in JSON.
     *
     * @param form must not change
     */
    public EventReading(EventForm form) {
        this(form, null, 0);
    }

    /**
     * Events in JSON, or in Avro.
     *
     * @param form must not change
     * @param writer the schema that they were written by; null for JSON
     * @param start bytes of a record's value before the event
     */
    public EventReading(EventForm form, Schema writer, int start) {
        this.form = form;
        this.values = writer == null ? new JsonValues(form) : new AvroValues(form, writer, start);
    }

    /**
     * The schema of all events with their answers, of a form that has a reader's schema.
     *
     * @throws IllegalArgumentException none can be derived, with the remedy
     */
    public static Schema answeredSchema(EventForm form) {
        return AvroValues.derived(form, new Schema.Parser().parse(form.getReaderSchema())).schema();
    }

    /** The form. */
    public EventForm form() {
        return form;
    }

    /**
     * Checks the form.
     *
     * @throws IllegalArgumentException a path is malformed, or the template, with its line
     */
    public void check() {
        requests();
        if (form.getResultField() != null) {
            FieldPath.parse("--result-field", form.getResultField());
        }
    }

    private EventRequests requests() {
        EventRequests made = requests;
        if (made == null) {
            made = new EventRequests(form);
            requests = made;
        }
        return made;
    }

    /**
     * Makes the request of an event.
     *
     * @throws CodecException it is no event, has not what the form wants, or cannot be rendered
     */
    public InferenceRequest read(EventRecord record) throws CodecException {
        return read(record, false).orElseThrow();
    }

    /** As {@link #read}; empty where rendering takes more than about a millisecond. */
    public Optional<InferenceRequest> readBriefly(EventRecord record) throws CodecException {
        return read(record, true);
    }

    private Optional<InferenceRequest> read(EventRecord record, boolean briefly)
            throws CodecException {
        EventRequests ask = requests();
        String id = null;
        try {
            if (!ask.idIsField()) {
                id = ask.id(record, null);
            }
            Map<String, Object> event = values.read(record);
            id = ask.id(record, event);
            checkResult(event);
            return ask.request(record, event, id, briefly);
        } catch (CodecException e) {
            throw new CodecException(e.code(), e.getMessage(), id, e);
        }
    }

    private void checkResult(Map<String, Object> event) throws CodecException {
        if (form.getResultField() == null) {
            return;
        }
        FieldPath result = FieldPath.parse("--result-field", form.getResultField());
        String blocked = result.blocked(event);
        if (blocked != null) {
            throw new CodecException(
                    FailureCode.INVALID_PARAMETER,
                    "field %s is %s, and --result-field %s puts the answer into an object there: name another field"
                            .formatted(
                                    blocked, Kinds.of(FieldPath.parse(blocked).of(event)), result),
                    null);
        }
        if (!form.getOverwrite() && result.isIn(event)) {
            throw new CodecException(
                    FailureCode.INVALID_PARAMETER,
                    "the event has a field %s already: give --result-field another name, or --overwrite"
                            .formatted(result),
                    null);
        }
    }

    /**
     * How the answer of a request that this made is written.
     *
     * @param structured whether the job's constraint makes answers JSON
     */
    public EventAnswer answer(InferenceRequest request, boolean structured) {
        boolean json =
                request.getConstraint() != null
                        ? request.getConstraint().getJsonSchema() != null
                        : structured;
        return new EventAnswer(this, json);
    }

    /**
     * The event with its answers: one as it is, more as an array. What stands before Avro is left
     * out.
     *
     * @param record as it was read
     * @param json whether the answers are JSON
     * @throws CodecException an answer that should be JSON is none
     */
    public byte[] answered(EventRecord record, List<String> answers, boolean json)
            throws CodecException {
        return values.answered(record, answers, json);
    }

    /** Whether a record has no event to be asked about, and passes as it is. */
    public boolean passes(EventRecord record) {
        return values.passes(record);
    }

    /** The schema that events were written by; null for JSON. */
    public Schema writer() {
        return values.writer();
    }

    /** CRC-64-AVRO of {@link #writer}; null for JSON. */
    public Long writerFingerprint() {
        return values.fingerprint();
    }

    /**
     * The schema that events with their answers are written by; null for JSON.
     *
     * @throws CodecException none can be derived
     */
    public Schema output() throws CodecException {
        return values.output();
    }

    /** Bytes of a record's value before the event. */
    public int start() {
        return values.start();
    }

    /** The form in Avro's single-object encoding, to be kept in state. */
    public byte[] encoded() {
        return saved().bytes();
    }

    /** Tells forms apart: CRC-64-AVRO of {@link #encoded}. */
    public long fingerprint() {
        return saved().fingerprint();
    }

    private Saved saved() {
        Saved made = saved;
        if (made == null) {
            try {
                byte[] bytes = EventForm.getEncoder().encode(form).array();
                made = new Saved(bytes, SchemaNormalization.fingerprint64(bytes));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            saved = made;
        }
        return made;
    }

    @Override
    public String toString() {
        return writer() == null ? "event" : "event in Avro after %d bytes".formatted(start());
    }
}
