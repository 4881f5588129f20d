package io.millrace.gpu.tensor;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;

/**
 * One tensor: row-major, little-endian. Its bytes are read, or made, by {@link #read} or {@link
 * #openPieces} only; both also hash them, so that the pass that loads a model also hashes it.
 */
public final class Tensor {
    private static final int PIECE_BYTES = 16 << 20;

    /** Numbers of two tensors that are compared at a time; bytes if the types are equal. */
    private static final int COMPARED = 1 << 20;

    private final String name;
    private final String typeName;
    private final long[] shape;
    private final TensorBytes source;
    private final long bytes;

    /** The tensor whose transpose this is, or null. */
    private final Tensor original;

    private byte[] digest;

    Tensor(String name, String typeName, long[] shape, TensorBytes source, long bytes) {
        this(name, typeName, shape, source, bytes, null);
    }

    /** A tensor of ones. */
    public static Tensor ones(String name, DType type, long... shape) {
        return made(name, type, shape, new OneBytes(type));
    }

    /** A tensor that is in no file. */
    static Tensor made(String name, DType type, long[] shape, TensorBytes source) {
        long bytes = LongStream.of(shape).reduce(type.bytes(), Math::multiplyExact);
        return new Tensor(name, type.name(), shape.clone(), source, bytes);
    }

    private Tensor(
            String name,
            String typeName,
            long[] shape,
            TensorBytes source,
            long bytes,
            Tensor original) {
        this.name = name;
        this.typeName = typeName;
        this.shape = shape;
        this.source = source;
        this.bytes = bytes;
        this.original = original;
    }

    /** Consumes consecutive pieces of a tensor. */
    @FunctionalInterface
    public interface PieceConsumer {

        /**
         * Consumes the first {@code length} bytes of {@code piece}; the array is reused.
         *
         * @param firstRow number of rows before the piece
         */
        void accept(byte[] piece, int length, long firstRow) throws IOException;
    }

    public String name() {
        return name;
    }

    /** Number of bytes of all its numbers. */
    public long bytes() {
        return bytes;
    }

    /** Name of the number format in the file, such as {@code I32}. */
    public String storedType() {
        return typeName;
    }

    /** The number format. */
    public DType dtype() throws InvalidModelException {
        return switch (typeName) {
            case "F32" -> DType.F32;
            case "F16" -> DType.F16;
            case "BF16" -> DType.BF16;
            default ->
                    throw new InvalidModelException(
                            "Tensor %s in %s has the type %s; supported are F32, F16 and BF16."
                                    .formatted(name, source, typeName));
        };
    }

    /** Number of dimensions. */
    public int rank() {
        return shape.length;
    }

    /** Length of a dimension. */
    public long dim(int index) {
        return shape[index];
    }

    TensorBytes source() {
        return source;
    }

    /** Refuses a tensor whose shape is not the given one. */
    public Tensor expect(long... dims) throws InvalidModelException {
        if (!Arrays.equals(shape, dims)) {
            throw new InvalidModelException(
                    "Tensor %s in %s has the shape %s where config.json asks for %s."
                            .formatted(
                                    name, source, Arrays.toString(shape), Arrays.toString(dims)));
        }
        return this;
    }

    /** The transpose of this matrix. Reading it takes memory for the whole matrix. */
    public Tensor transposed() {
        long[] exchanged = {shape[1], shape[0]};
        return new Tensor(name, typeName, exchanged, source, bytes, this);
    }

    /**
     * This matrix cut by rows into equal parts. Reading all parts hashes it where they consist of
     * whole pieces of it, as in all but small models; elsewhere its hash takes a pass of its own.
     */
    public List<Tensor> split(int count) throws InvalidModelException {
        if (original != null || shape[0] % count != 0) {
            throw new IllegalArgumentException(
                    "%s has no %d equal parts by rows.".formatted(this, count));
        }
        PieceHashes hashes = new PieceHashes(rows(), rowBytes());
        long[] part = shape.clone();
        part[0] /= count;
        List<Tensor> parts = new ArrayList<>();
        long length = bytes / count;
        for (int i = 0; i < count; i++) {
            TensorBytes partBytes = new PartBytes(this, source, hashes, i, i * length);
            parts.add(new Tensor(name, typeName, part, partBytes, length));
        }
        return List.copyOf(parts);
    }

    /**
     * Reads the tensor once from front to end, in pieces of whole groups of rows.
     *
     * @param rowGroup the rows of a piece are a multiple of this, but for the last piece
     */
    public void read(int rowGroup, PieceConsumer consumer) throws IOException {
        if (original != null) {
            readTransposed(consumer);
            return;
        }
        long rows = rows();
        long rowBytes = rowBytes();
        long groupBytes = Math.multiplyExact(rowBytes, (long) rowGroup);
        long pieceBytes = Math.max(groupBytes, PIECE_BYTES / groupBytes * groupBytes);
        if (pieceBytes > Integer.MAX_VALUE - 16) {
            throw tooLong();
        }
        byte[] piece = new byte[(int) Math.min(pieceBytes, bytes)];
        PieceHashes hashes = digest == null ? hashes() : null;
        try (TensorBytes.Reader reader = source.open()) {
            for (long done = 0; done < bytes; ) {
                int length = (int) Math.min(piece.length, bytes - done);
                fill(reader, ByteBuffer.wrap(piece, 0, length), done);
                // Hashing takes about as long as the copy to a device, so it runs in parallel.
                CompletableFuture<Void> hashed =
                        hashes == null
                                ? CompletableFuture.completedFuture(null)
                                : CompletableFuture.runAsync(() -> hashes.append(piece, length));
                try {
                    consumer.accept(piece, length, done / rowBytes);
                } finally {
                    hashed.join();
                }
                done += length;
            }
        }
        if (hashes != null) {
            hashes.end();
            hashed(hashes);
        }
    }

    /**
     * Opens the tensor for many threads at once. Not for a {@link #transposed} one.
     *
     * @return a reader of pieces of a multiple of 32 rows, but for the last piece
     */
    public PieceReader openPieces() throws IOException {
        if (original != null) {
            throw new IllegalStateException("Tensor " + name + " has no pieces: it is transposed.");
        }
        PieceHashes hashes = hashes();
        if (hashes.pieceBytes > Integer.MAX_VALUE - 16) {
            throw tooLong();
        }
        return new PieceReader(this, hashes, source.open());
    }

    /**
     * The noise that the tensor consists of, from which a device can make it; null for other
     * tensors, and for a part that is not the first.
     */
    public NoiseBytes noise() {
        TensorBytes first =
                source instanceof PartBytes part && part.index() == 0 ? part.source() : source;
        return first instanceof NoiseBytes noise ? noise : null;
    }

    /** Whether this is the transpose of another tensor. */
    public boolean isTransposed() {
        return original != null;
    }

    private long rows() throws InvalidModelException {
        long rows = shape.length == 0 ? 1 : shape[0];
        if (bytes == 0 || rows == 0) {
            throw new InvalidModelException("Tensor %s in %s is empty.".formatted(name, source));
        }
        // A type that is only hashed, never read, may pack several numbers into a byte.
        return bytes % rows == 0 ? rows : 1;
    }

    private long rowBytes() throws InvalidModelException {
        return bytes / rows();
    }

    private InvalidModelException tooLong() throws InvalidModelException {
        return new InvalidModelException(
                "Tensor %s in %s has rows of %d bytes, too long for this engine."
                        .formatted(name, source, rowBytes()));
    }

    /** What takes the hashes of one pass. */
    private PieceHashes hashes() throws InvalidModelException {
        return source instanceof PartBytes part
                ? part.shared().part(part.index(), rows())
                : new PieceHashes(rows(), rowBytes());
    }

    /** Keeps the hash if all pieces were hashed. */
    void hashed(PieceHashes hashes) {
        if (source instanceof PartBytes part) {
            part.whole().hashed(part.shared());
            return;
        }
        String dims = LongStream.of(shape).mapToObj(Long::toString).collect(joining(","));
        String title = name + ' ' + typeName + ' ' + dims + '\n';
        byte[] total = hashes.total(title.getBytes(StandardCharsets.UTF_8));
        if (total != null) {
            digest = total;
        }
    }

    private void readTransposed(PieceConsumer consumer) throws IOException {
        int width = dtype().bytes();
        if (bytes > Integer.MAX_VALUE - 16) {
            throw new InvalidModelException(
                    "Tensor %s in %s has %d bytes, too many to be transposed by this engine."
                            .formatted(name, source, bytes));
        }
        byte[] all = new byte[(int) bytes];
        int columns = Math.toIntExact(shape[0]);
        int rowBytes = Math.toIntExact(shape[1] * width);
        original.read(
                1,
                (piece, length, firstRow) -> {
                    int from = 0;
                    for (int row = (int) firstRow; from < length; row++) {
                        for (int column = 0; column < columns; column++, from += width) {
                            int to = column * rowBytes + row * width;
                            System.arraycopy(piece, from, all, to, width);
                        }
                    }
                });
        consumer.accept(all, all.length, 0);
    }

    /** Reads a whole small tensor as floats. */
    public float[] readFloats() throws IOException {
        DType type = dtype();
        float[] values = new float[Math.toIntExact(bytes / type.bytes())];
        int[] at = {0};
        read(
                1,
                (piece, length, firstRow) -> {
                    for (int i = 0; i < length; i += type.bytes()) {
                        values[at[0]++] = type.toFloat(checkedBits(type, piece, i));
                    }
                });
        return values;
    }

    /**
     * Whether another tensor has the same shape and numbers, regardless of the type. Reads both up
     * to the first difference.
     */
    public boolean equalNumbers(Tensor other) throws IOException {
        if (!Arrays.equals(shape, other.shape)) {
            return false;
        }
        boolean sameType = typeName.equals(other.typeName);
        int width = sameType ? 1 : dtype().bytes();
        int otherWidth = sameType ? 1 : other.dtype().bytes();
        byte[] piece = new byte[COMPARED * width];
        byte[] otherPiece = new byte[COMPARED * otherWidth];
        try (TensorBytes.Reader reader = source.open();
                TensorBytes.Reader otherReader = other.source.open()) {
            for (long done = 0; done < bytes / width; done += COMPARED) {
                int n = (int) Math.min(COMPARED, bytes / width - done);
                fill(reader, ByteBuffer.wrap(piece, 0, n * width), done * width);
                ByteBuffer to = ByteBuffer.wrap(otherPiece, 0, n * otherWidth);
                other.fill(otherReader, to, done * otherWidth);
                boolean equal =
                        sameType
                                ? Arrays.equals(piece, 0, n, otherPiece, 0, n)
                                : equalNumbers(n, piece, other, otherPiece);
                if (!equal) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean equalNumbers(int n, byte[] piece, Tensor other, byte[] otherPiece)
            throws InvalidModelException {
        DType type = dtype();
        DType otherType = other.dtype();
        for (int i = 0; i < n; i++) {
            float a = type.toFloat(checkedBits(type, piece, i * type.bytes()));
            int bits = other.checkedBits(otherType, otherPiece, i * otherType.bytes());
            if (a != otherType.toFloat(bits)) {
                return false;
            }
        }
        return true;
    }

    /** Bits of the number at a byte index of a piece; refuses infinities and NaN. */
    public int checkedBits(DType type, byte[] piece, int index) throws InvalidModelException {
        int bits =
                type == DType.F32
                        ? (int) LittleEndian.INT.get(piece, index)
                        : (short) LittleEndian.SHORT.get(piece, index) & 0xffff;
        if (!type.isFinite(bits)) {
            throw notFinite();
        }
        return bits;
    }

    /** The error for an infinite or NaN weight. */
    public InvalidModelException notFinite() {
        return new InvalidModelException(
                "Tensor %s in %s holds a number that is not finite.".formatted(name, source));
    }

    /** Hash of name, type, shape and bytes; reads the file unless all of it was read before. */
    public byte[] digest() throws IOException {
        if (original != null) {
            return original.digest();
        }
        if (source instanceof PartBytes part) {
            return part.whole().digest();
        }
        if (digest == null) {
            read(1, (piece, length, firstRow) -> {});
        }
        return digest.clone();
    }

    /** Fills a buffer with the bytes of the tensor from {@code from} on. */
    void fill(TensorBytes.Reader reader, ByteBuffer to, long from) throws IOException {
        if (!reader.fill(to, from)) {
            throw new InvalidModelException(
                    "%s ended while tensor %s was read from it; it was changed after it was opened."
                            .formatted(source, name));
        }
    }

    @Override
    public String toString() {
        return name + ' ' + typeName + Arrays.toString(shape);
    }
}
