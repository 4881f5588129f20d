package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import io.millrace.operators.record.WireSerializer;
import io.millrace.operators.record.WireType;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Serializer of {@link FileEvent}, on the wire and in state. */
public final class FileEventSerializer extends WireSerializer<FileEvent> {
    private static final long serialVersionUID = 1L;
    public static final FileEventSerializer INSTANCE = new FileEventSerializer();
    public static final WireType<FileEvent> TYPE = WireType.of(FileEvent.class, INSTANCE);

    private static final int END = 0;

    /** Of earlier releases, whose tallies have four counts. */
    private static final int FIRST_STAGED = 1;

    private static final int STAGED = 2;

    @Override
    public void serialize(FileEvent event, DataOutputView out) throws IOException {
        write(event, out);
    }

    @Override
    public FileEvent deserialize(DataInputView in) throws IOException {
        return read(in);
    }

    static void write(FileEvent event, DataOutput out) throws IOException {
        out.writeByte(event instanceof FileEvent.End ? END : STAGED);
        writeText(event.file(), out);
        if (event instanceof FileEvent.End end) {
            writeFormat(end.format(), out);
            writeBytes(end.header(), out);
            out.writeLong(end.rows());
            writeText(end.fault(), out);
        } else if (event instanceof FileEvent.Staged staged) {
            writeText(staged.part(), out);
            out.writeLong(staged.length());
            write(staged.tally(), out);
        }
    }

    static FileEvent read(DataInput in) throws IOException {
        int kind = in.readByte();
        String file = readText(in);
        return switch (kind) {
            case END ->
                    new FileEvent.End(
                            file, readFormat(in), readBytes(in), in.readLong(), readText(in));
            case FIRST_STAGED ->
                    new FileEvent.Staged(file, readText(in), in.readLong(), readFirstTally(in));
            case STAGED -> new FileEvent.Staged(file, readText(in), in.readLong(), readTally(in));
            default -> throw new IOException("Unknown kind of file event: " + kind + ".");
        };
    }

    static void write(Tally tally, DataOutput out) throws IOException {
        out.writeLong(tally.rows());
        out.writeLong(tally.failures());
        out.writeLong(tally.tokens());
        out.writeLong(tally.bytes());
        out.writeLong(tally.copies());
        out.writeLong(tally.byId());
    }

    /** A tally of earlier releases. */
    static Tally readFirstTally(DataInput in) throws IOException {
        return new Tally(in.readLong(), in.readLong(), in.readLong(), in.readLong());
    }

    static Tally readTally(DataInput in) throws IOException {
        return new Tally(
                in.readLong(),
                in.readLong(),
                in.readLong(),
                in.readLong(),
                in.readLong(),
                in.readLong());
    }

    /** Writes a format; also used by the state of splits. */
    public static void writeFormat(FileFormat format, DataOutput out) throws IOException {
        out.writeUTF(format.rows().name());
        out.writeChar(format.delimiter());
        out.writeUTF(format.compression().name());
    }

    public static FileFormat readFormat(DataInput in) throws IOException {
        return new FileFormat(
                FileFormat.Rows.valueOf(in.readUTF()),
                in.readChar(),
                Compression.valueOf(in.readUTF()));
    }

    private static void writeText(String text, DataOutput out) throws IOException {
        writeBytes(text == null ? null : text.getBytes(StandardCharsets.UTF_8), out);
    }

    private static String readText(DataInput in) throws IOException {
        byte[] bytes = readBytes(in);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    private static void writeBytes(byte[] bytes, DataOutput out) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }

    private static byte[] readBytes(DataInput in) throws IOException {
        int length = in.readInt();
        if (length < 0) {
            return null;
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }

    @Override
    public TypeSerializerSnapshot<FileEvent> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Names this serializer in savepoints. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<FileEvent> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
