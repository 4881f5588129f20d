package io.millrace.operators.corpus;

import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.output.FileEventSerializer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Serializer of splits in the state of readers. */
final class FileSplitSerializer implements SimpleVersionedSerializer<FileSplit> {
    private static final int VERSION = 1;

    /** Serializer of the enumerator's state: the splits that are not assigned. */
    static final class OfMany implements SimpleVersionedSerializer<Collection<FileSplit>> {
        @Override
        public int getVersion() {
            return VERSION;
        }

        @Override
        public byte[] serialize(Collection<FileSplit> splits) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(bytes);
            out.writeInt(splits.size());
            for (FileSplit split : splits) {
                write(split, out);
            }
            return bytes.toByteArray();
        }

        @Override
        public Collection<FileSplit> deserialize(int version, byte[] bytes) throws IOException {
            DataInputStream in = open(version, bytes);
            int count = in.readInt();
            List<FileSplit> splits = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                splits.add(read(in));
            }
            return splits;
        }
    }

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(FileSplit split) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        write(split, new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    @Override
    public FileSplit deserialize(int version, byte[] bytes) throws IOException {
        return read(open(version, bytes));
    }

    private static DataInputStream open(int version, byte[] bytes) throws IOException {
        if (version != VERSION) {
            throw new IOException(
                    "The state of input files has version "
                            + version
                            + ", and this release reads version "
                            + VERSION
                            + ": restore with the release that wrote the state.");
        }
        return new DataInputStream(new ByteArrayInputStream(bytes));
    }

    private static void write(FileSplit split, DataOutputStream out) throws IOException {
        InputFile file = split.file();
        out.writeUTF(file.name());
        out.writeUTF(file.path());
        out.writeLong(file.size());
        out.writeLong(file.modifiedMs());
        out.writeUTF(file.head());
        FileEventSerializer.writeFormat(file.format(), out);
        out.writeLong(split.from().offset());
        out.writeLong(split.from().rows());
        out.writeLong(split.from().lines());
    }

    private static FileSplit read(DataInputStream in) throws IOException {
        return new FileSplit(
                new InputFile(
                        in.readUTF(),
                        in.readUTF(),
                        in.readLong(),
                        in.readLong(),
                        in.readUTF(),
                        FileEventSerializer.readFormat(in)),
                new RowPosition(in.readLong(), in.readLong(), in.readLong()));
    }
}
