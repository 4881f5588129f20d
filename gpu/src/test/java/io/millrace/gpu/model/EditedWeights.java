package io.millrace.gpu.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Changes which names the tensors of a folder's {@code model.safetensors} have. */
public final class EditedWeights {
    private EditedWeights() {}

    /** Gives a tensor another name. */
    public static void rename(Path folder, String from, String to) throws IOException {
        Weights weights = Weights.read(folder);
        weights.header.set(to, weights.header.remove(from));
        weights.write(weights.data);
    }

    /** Writes a tensor's numbers once more under another name. */
    public static void copy(Path folder, String from, String to) throws IOException {
        Weights weights = Weights.read(folder);
        ObjectNode entry = weights.header.get(from).deepCopy();
        int begin = entry.get("data_offsets").get(0).intValue();
        int length = entry.get("data_offsets").get(1).intValue() - begin;
        int end = weights.data.length;
        byte[] longer = Arrays.copyOf(weights.data, end + length);
        System.arraycopy(weights.data, begin, longer, end, length);
        entry.putArray("data_offsets").add(end).add(end + length);
        weights.header.set(to, entry);
        weights.write(longer);
    }

    private record Weights(Path file, ObjectNode header, byte[] data) {

        static Weights read(Path folder) throws IOException {
            Path file = folder.resolve("model.safetensors");
            byte[] all = Files.readAllBytes(file);
            int start = 8 + (int) ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getLong();
            String json = new String(all, 8, start - 8, StandardCharsets.UTF_8);
            ObjectNode header = (ObjectNode) new ObjectMapper().readTree(json);
            return new Weights(file, header, Arrays.copyOfRange(all, start, all.length));
        }

        void write(byte[] data) throws IOException {
            byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
            ByteBuffer all =
                    ByteBuffer.allocate(8 + json.length + data.length)
                            .order(ByteOrder.LITTLE_ENDIAN);
            Files.write(file, all.putLong(json.length).put(json).put(data).array());
        }
    }
}
