package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.FileNews.Tally;
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

/** Serializer of {@link FileNews}, on the wire and in state. */
public final class FileNewsSerializer extends WireSerializer<FileNews> {
    private static final long serialVersionUID = 1L;
    public static final FileNewsSerializer INSTANCE = new FileNewsSerializer();
    public static final WireType<FileNews> TYPE = WireType.of(FileNews.class, INSTANCE);

    private static final int END = 0;
    private static final int STAGED = 1;

    @Override
    public void serialize(FileNews news, DataOutputView out) throws IOException {
        write(news, out);
    }

    @Override
    public FileNews deserialize(DataInputView in) throws IOException {
        return read(in);
    }

    static void write(FileNews news, DataOutput out) throws IOException {
        out.writeByte(news instanceof FileNews.End ? END : STAGED);
        writeText(news.file(), out);
        if (news instanceof FileNews.End end) {
            writeFormat(end.format(), out);
            writeBytes(end.header(), out);
            out.writeLong(end.rows());
            writeText(end.fault(), out);
        } else if (news instanceof FileNews.Staged staged) {
            writeText(staged.part(), out);
            out.writeLong(staged.length());
            write(staged.tally(), out);
        }
    }

    static FileNews read(DataInput in) throws IOException {
        int kind = in.readByte();
        String file = readText(in);
        return switch (kind) {
            case END ->
                    new FileNews.End(
                            file, readFormat(in), readBytes(in), in.readLong(), readText(in));
            case STAGED -> new FileNews.Staged(file, readText(in), in.readLong(), readTally(in));
            default -> throw new IOException("No news of a file are of kind " + kind + ".");
        };
    }

    static void write(Tally tally, DataOutput out) throws IOException {
        out.writeLong(tally.rows());
        out.writeLong(tally.failures());
        out.writeLong(tally.tokens());
        out.writeLong(tally.bytes());
    }

    static Tally readTally(DataInput in) throws IOException {
        return new Tally(in.readLong(), in.readLong(), in.readLong(), in.readLong());
    }

    /** For those that save a format as well. */
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
    public TypeSerializerSnapshot<FileNews> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Names this serializer in savepoints. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<FileNews> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
