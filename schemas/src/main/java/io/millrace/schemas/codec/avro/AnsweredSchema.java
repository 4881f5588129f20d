package io.millrace.schemas.codec.avro;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaParseException;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.IndexedRecord;

/** The schema of events with their answers, derived from that of the events. Any thread. */
public final class AnsweredSchema {
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

    private final Schema schema;
    private final List<String> path;

    private AnsweredSchema(Schema schema, List<String> path) {
        this.schema = schema;
        this.path = path;
    }

    /**
     * Derives the schema.
     *
     * @param event schema of the events, a record
     * @param path names of the fields that lead to the answer; records on the way that are not
     *     there are added; null where the answer replaces the event
     * @param overwrite whether the field may be there already: it gets the answer's type
     * @param answer type of the answer
     * @throws IllegalArgumentException the answer has no place there, with the remedy
     */
    public static AnsweredSchema of(
            Schema event, List<String> path, boolean overwrite, Schema answer) {
        if (path == null) {
            return new AnsweredSchema(answer, null);
        }
        for (String name : path) {
            if (!NAME.matcher(name).matches()) {
                throw new IllegalArgumentException(
                        "\"%s\" is no name of a field in Avro, which has letters, digits and _: give --result-field another"
                                .formatted(name));
            }
        }
        try {
            Schema derived = with(event, path, 0, overwrite, answer);
            // A type that refers to itself would have one name for two shapes.
            return new AnsweredSchema(new Schema.Parser().parse(derived.toString()), path);
        } catch (SchemaParseException e) {
            throw new IllegalArgumentException(
                    "no schema with the answer can be derived from %s: %s; a type that refers to itself cannot get a field"
                            .formatted(event.getFullName(), e.getMessage()),
                    e);
        }
    }

    private static Schema with(
            Schema record, List<String> path, int level, boolean overwrite, Schema answer) {
        String name = path.get(level);
        boolean last = level == path.size() - 1;
        Schema.Field there = record.getField(name);
        if (there != null && last && !overwrite) {
            throw new IllegalArgumentException(
                    "schema %s has a field %s already: give --result-field another name, or --overwrite"
                            .formatted(record.getFullName(), name));
        }
        Schema type =
                last
                        ? answer
                        : there == null
                                ? added(record, path, level, answer)
                                : with(inner(record, there), path, level + 1, overwrite, answer);
        List<Schema.Field> fields = new ArrayList<>();
        for (Schema.Field field : record.getFields()) {
            fields.add(
                    field.name().equals(name)
                            ? new Schema.Field(name, type, field.doc())
                            : new Schema.Field(field, field.schema()));
        }
        if (there == null) {
            fields.add(new Schema.Field(name, type, last ? "The answer." : null));
        }
        Schema derived =
                Schema.createRecord(
                        record.getName(), record.getDoc(), record.getNamespace(), false, fields);
        record.getObjectProps().forEach(derived::addProp);
        return derived;
    }

    private static Schema inner(Schema record, Schema.Field field) {
        Schema type = field.schema();
        if (type.getType() != Schema.Type.RECORD) {
            throw new IllegalArgumentException(
                    "field %s of schema %s is of type %s, and --result-field leads into it: only records have fields"
                            .formatted(
                                    field.name(), record.getFullName(), type.getType().getName()));
        }
        return type;
    }

    /** A record for each name on the way, named after the record that it is added to. */
    private static Schema added(Schema record, List<String> path, int level, Schema answer) {
        Schema type = answer;
        for (int i = path.size() - 1; i > level; i--) {
            Schema.Field field =
                    new Schema.Field(
                            path.get(i), type, i == path.size() - 1 ? "The answer." : null);
            type =
                    Schema.createRecord(
                            record.getName() + "_" + String.join("_", path.subList(level, i)),
                            null,
                            record.getNamespace(),
                            false,
                            List.of(field));
        }
        return type;
    }

    /** The derived schema. */
    public Schema schema() {
        return schema;
    }

    /**
     * The Avro binary of an event with its answer.
     *
     * @param event of the schema that this was derived from
     * @param answer of the answer's type
     */
    public byte[] write(IndexedRecord event, Object answer) throws CodecException {
        if (path == null) {
            return AvroTree.write(answer, schema);
        }
        try {
            return AvroTree.write(filled(event, schema, 0, answer), schema);
        } catch (AvroRuntimeException e) {
            throw new CodecException(
                    FailureCode.INVALID_PARAMETER,
                    "the answer cannot be put into the event: " + e.getMessage(),
                    null,
                    e);
        }
    }

    private GenericRecord filled(IndexedRecord event, Schema to, int level, Object answer) {
        GenericRecord record = new GenericData.Record(to);
        String name = path.get(level);
        for (Schema.Field field : to.getFields()) {
            Schema.Field from = event == null ? null : event.getSchema().getField(field.name());
            if (!field.name().equals(name)) {
                record.put(field.pos(), event.get(from.pos()));
            } else if (level == path.size() - 1) {
                record.put(field.pos(), answer);
            } else {
                IndexedRecord inner = from == null ? null : (IndexedRecord) event.get(from.pos());
                record.put(field.pos(), filled(inner, field.schema(), level + 1, answer));
            }
        }
        return record;
    }
}
