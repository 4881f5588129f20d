package io.millrace.schemas.codec.record;

import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecordBase;

/** A kind of record that travels on topics. */
public final class RecordType<T extends SpecificRecordBase> {

    public static final RecordType<InferenceRequest> REQUEST =
            new RecordType<>("request", InferenceRequest.class, InferenceRequest.getClassSchema());
    public static final RecordType<InferenceResult> RESULT =
            new RecordType<>("result", InferenceResult.class, InferenceResult.getClassSchema());
    public static final RecordType<InferenceFailure> FAILURE =
            new RecordType<>("failure", InferenceFailure.class, InferenceFailure.getClassSchema());

    /** Finds generated classes by this module's own loader, whichever loaded Avro. */
    public static final SpecificData DATA = new SpecificData(RecordType.class.getClassLoader());

    private final String word;
    private final Class<T> recordClass;
    private final Schema schema;

    private RecordType(String word, Class<T> recordClass, Schema schema) {
        this.word = word;
        this.recordClass = recordClass;
        this.schema = schema;
    }

    /** The schema of this release. */
    public Schema schema() {
        return schema;
    }

    /** A record of this kind as one. */
    public T cast(Object record) {
        return recordClass.cast(record);
    }

    /** The short name, such as {@code request}. */
    @Override
    public String toString() {
        return word;
    }
}
