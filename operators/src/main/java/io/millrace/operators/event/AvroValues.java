package io.millrace.operators.event;

import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.avro.AnsweredSchema;
import io.millrace.schemas.codec.avro.AvroTree;
import io.millrace.schemas.codec.record.CodecException;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/**
 * Events in Avro, resolved to the form's schema if it has one. Answers are strings, also those that
 * are JSON.
 */
final class AvroValues implements EventValues {
    private final EventForm form;
    private final Schema writer;
    private final long fingerprint;
    private final Schema reader;
    private final int start;

    /** Made when it is first needed; racing threads make equal ones. */
    private volatile AnsweredSchema answered;

    AvroValues(EventForm form, Schema writer, int start) {
        this.form = form;
        this.writer = writer;
        this.fingerprint = SchemaNormalization.parsingFingerprint64(writer);
        this.reader =
                form.getReaderSchema() == null
                        ? writer
                        : new Schema.Parser().parse(form.getReaderSchema());
        this.start = start;
    }

    /**
     * The schema of answered events.
     *
     * @throws IllegalArgumentException the answer has no place in them
     */
    static AnsweredSchema derived(EventForm form, Schema event) {
        Schema text = Schema.create(Schema.Type.STRING);
        List<String> path =
                form.getResultField() == null
                        ? null
                        : FieldPath.parse("--result-field", form.getResultField()).names();
        Integer answers = form.getDefaults().getN();
        return AnsweredSchema.of(
                event,
                path,
                form.getOverwrite(),
                answers == null || answers == 1 ? text : Schema.createArray(text));
    }

    @Override
    public Map<String, Object> read(EventRecord record) throws CodecException {
        answeredSchema();
        return AvroTree.tree(AvroTree.read(writer, reader, record.value(), start));
    }

    private AnsweredSchema answeredSchema() throws CodecException {
        AnsweredSchema made = answered;
        if (made == null) {
            try {
                made = derived(form, reader);
            } catch (IllegalArgumentException e) {
                throw new CodecException(FailureCode.INVALID_PARAMETER, e.getMessage(), null, e);
            }
            answered = made;
        }
        return made;
    }

    @Override
    public byte[] answered(EventRecord record, List<String> answers, boolean json)
            throws CodecException {
        for (String answer : answers) {
            if (json) {
                JsonValues.requireJson(answer);
            }
        }
        AnsweredSchema schema = answeredSchema();
        Integer many = form.getDefaults().getN();
        Object answer = many == null || many == 1 ? answers.get(0) : answers;
        return schema.write(AvroTree.read(writer, reader, record.value(), start), answer);
    }

    @Override
    public boolean passes(EventRecord record) {
        return false;
    }

    @Override
    public Schema writer() {
        return writer;
    }

    @Override
    public Long fingerprint() {
        return fingerprint;
    }

    @Override
    public Schema output() throws CodecException {
        return answeredSchema().schema();
    }

    @Override
    public int start() {
        return start;
    }
}
