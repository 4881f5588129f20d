package io.millrace.gpu.tensor;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of one safetensors file, checked.
 *
 * <pre>
 * 8 bytes   length of the header, little-endian
 * header    JSON: {"name": {"dtype": "BF16", "shape": [n, k], "data_offsets": [begin, end]}, ...}
 * data      the tensors one after the other, without holes
 * </pre>
 */
public final class SafeTensors {
    private static final long MAX_HEADER_BYTES = 100L << 20;
    private static final ObjectMapper JSON =
            new ObjectMapper()
                    .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private SafeTensors() {}

    private record Entry(String name, String type, long[] shape, long begin, long end) {}

    /** Reads the header: tensors by name, in order of the file. */
    public static Map<String, Tensor> open(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new InvalidModelException("There is no weights file " + file + ".");
        }
        GitLfsPointer.refuse(file);
        byte[] header;
        long dataBytes;
        try (FileChannel channel = FileChannel.open(file)) {
            long size = channel.size();
            if (size < 8) {
                throw corrupt(file, "it has only " + size + " bytes");
            }
            ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            readFully(channel, length, 0);
            long headerBytes = length.getLong(0);
            if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || headerBytes > size - 8) {
                throw corrupt(
                        file,
                        "its header is said to have %s bytes, the file has %d"
                                .formatted(Long.toUnsignedString(headerBytes), size));
            }
            ByteBuffer buffer = ByteBuffer.allocate((int) headerBytes);
            readFully(channel, buffer, 8);
            header = buffer.array();
            dataBytes = size - 8 - headerBytes;
        }
        List<Entry> entries = parse(file, header);
        check(file, entries, dataBytes);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Entry e : entries) {
            tensors.put(
                    e.name,
                    new Tensor(
                            e.name,
                            e.type,
                            e.shape,
                            new FileBytes(file, 8 + header.length + e.begin),
                            e.end - e.begin));
        }
        return tensors;
    }

    private static List<Entry> parse(Path file, byte[] header) throws IOException {
        JsonNode root;
        try {
            root = JSON.readTree(header);
        } catch (JsonProcessingException e) {
            throw new InvalidModelException(
                    "%s is not a sound safetensors file: its header is not JSON (%s)."
                            .formatted(file, e.getOriginalMessage()),
                    e);
        }
        if (root == null || !root.isObject()) {
            throw corrupt(file, "its header is not a JSON object");
        }
        List<Entry> entries = new ArrayList<>();
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            if (!field.getKey().equals("__metadata__")) {
                entries.add(entry(file, field.getKey(), field.getValue()));
            }
        }
        entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        return entries;
    }

    private static Entry entry(Path file, String name, JsonNode node) throws IOException {
        long[] shape = longs(node.get("shape"));
        long[] offsets = longs(node.get("data_offsets"));
        if (shape == null
                || offsets == null
                || offsets.length != 2
                || !node.path("dtype").isTextual()) {
            throw corrupt(file, "tensor %s lacks dtype, shape or data_offsets".formatted(name));
        }
        return new Entry(name, node.get("dtype").textValue(), shape, offsets[0], offsets[1]);
    }

    /** Non-negative whole numbers, or null. */
    private static long[] longs(JsonNode node) {
        if (node == null || !node.isArray()) {
            return null;
        }
        long[] values = new long[node.size()];
        for (int i = 0; i < values.length; i++) {
            if (!node.get(i).isIntegralNumber()
                    || !node.get(i).canConvertToLong()
                    || node.get(i).longValue() < 0) {
                return null;
            }
            values[i] = node.get(i).longValue();
        }
        return values;
    }

    private static void check(Path file, List<Entry> entries, long dataBytes) throws IOException {
        long end = 0;
        for (Entry e : entries) {
            if (e.end > dataBytes || e.begin > e.end) {
                throw corrupt(
                        file,
                        "tensor %s lies at bytes %d to %d of %d; the file may be cut short"
                                .formatted(e.name, e.begin, e.end, dataBytes));
            }
            if (e.begin != end) {
                throw corrupt(
                        file,
                        "tensor %s begins at byte %d where %d was due (%s)"
                                .formatted(
                                        e.name,
                                        e.begin,
                                        end,
                                        e.begin < end ? "it overlaps another" : "there is a hole"));
            }
            checkSize(file, e);
            end = e.end;
        }
        if (end != dataBytes) {
            throw corrupt(
                    file, "its tensors end at byte %d, its data at %d".formatted(end, dataBytes));
        }
    }

    private static void checkSize(Path file, Entry e) throws IOException {
        int numberBytes =
                switch (e.type) {
                    case "F64", "I64", "U64" -> 8;
                    case "F32", "I32", "U32" -> 4;
                    case "F16", "BF16", "I16", "U16" -> 2;
                    case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2" -> 1;
                    default -> 0; // refused if the model needs it
                };
        if (numberBytes == 0) {
            return;
        }
        try {
            long bytes = numberBytes;
            for (long dim : e.shape) {
                bytes = Math.multiplyExact(bytes, dim);
            }
            if (bytes == e.end - e.begin) {
                return;
            }
        } catch (ArithmeticException tooLarge) {
            // reported below, as is every other size that does not fit
        }
        throw corrupt(
                file,
                "tensor %s has %d bytes, which its shape and type do not give"
                        .formatted(e.name, e.end - e.begin));
    }

    private static void readFully(FileChannel channel, ByteBuffer buffer, long position)
            throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new InvalidModelException("A safetensors file ended while it was read.");
            }
        }
    }

    private static InvalidModelException corrupt(Path file, String what) {
        return new InvalidModelException(
                "%s is not a sound safetensors file: %s.".formatted(file, what));
    }
}
