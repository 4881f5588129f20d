package io.millrace.gpu.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Writes a model's folder once more, its weights cut towards zero to another type. */
public final class RetypedModel {
    private RetypedModel() {}

    /** Returns {@code to}, in which there is no tokenizer. */
    public static Path write(Path from, DType type, Path to) throws IOException {
        Files.createDirectories(to);
        Files.copy(
                from.resolve("config.json"),
                to.resolve("config.json"),
                StandardCopyOption.REPLACE_EXISTING);
        Files.writeString(to.resolve("tokenizer.json"), "{}");
        ObjectNode header = new ObjectMapper().createObjectNode();
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        for (Tensor tensor : SafeTensors.open(from.resolve("model.safetensors")).values()) {
            float[] values = tensor.readFloats();
            ObjectNode entry = header.putObject(tensor.name()).put("dtype", type.name());
            var shape = entry.putArray("shape");
            for (int i = 0; i < tensor.rank(); i++) {
                shape.add(tensor.dim(i));
            }
            int begin = data.size();
            ByteBuffer bytes =
                    ByteBuffer.allocate(values.length * type.bytes())
                            .order(ByteOrder.LITTLE_ENDIAN);
            for (float value : values) {
                TinyModels.put(type, bytes, value);
            }
            data.write(bytes.array());
            entry.putArray("data_offsets").add(begin).add(data.size());
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file =
                ByteBuffer.allocate(8 + json.length + data.size())
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(json.length)
                        .put(json)
                        .put(data.toByteArray());
        Files.write(to.resolve("model.safetensors"), file.array());
        return to;
    }
}
