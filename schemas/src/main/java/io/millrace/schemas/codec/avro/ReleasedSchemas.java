package io.millrace.schemas.codec.avro;

import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/** Every version of a record's schema that was ever released, from resources of this module. */
public final class ReleasedSchemas {

    private final List<Schema> versions;

    private ReleasedSchemas(List<Schema> versions) {
        this.versions = List.copyOf(versions);
    }

    public static ReleasedSchemas of(List<Schema> versions) {
        return new ReleasedSchemas(versions);
    }

    /** Versions are files 1.avsc, 2.avsc, ... without a gap. */
    public static ReleasedSchemas load(RecordType<?> type) {
        List<Schema> versions = new ArrayList<>();
        while (true) {
            String path =
                    "/io/millrace/schemas/released/"
                            + type.schema().getName()
                            + "/"
                            + (versions.size() + 1)
                            + ".avsc";
            try (InputStream in = ReleasedSchemas.class.getResourceAsStream(path)) {
                if (in == null) {
                    break;
                }
                versions.add(new Schema.Parser().parse(in));
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read " + path, e);
            }
        }
        if (versions.isEmpty()) {
            throw new IllegalStateException("no released schema of a " + type + " in the jar");
        }
        return new ReleasedSchemas(versions);
    }

    /** Oldest first. */
    public List<Schema> versions() {
        return versions;
    }

    /** The schema that this release writes. */
    public Schema current() {
        return versions.get(versions.size() - 1);
    }

    /** CRC-64-AVRO of the schema's parsing canonical form. */
    public static long fingerprint(Schema schema) {
        return SchemaNormalization.parsingFingerprint64(schema);
    }
}
