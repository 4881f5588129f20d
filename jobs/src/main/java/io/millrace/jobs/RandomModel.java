package io.millrace.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Random;

/**
 * Writes a model of random BF16 weights in Hugging Face form: a shape to be measured, without
 * anything to be downloaded. The same bytes every time.
 */
final class RandomModel {
    private static final double DEVIATION = 0.02;

    /**
     * Weights are one block of noise, begun elsewhere for each tensor: odd, so that rows differ.
     */
    private static final int BLOCK_WEIGHTS = (1 << 22) + 1;

    private static final int STRIDE = 767_717;

    private RandomModel() {}

    /** Writes config.json, tokenizer.json and model.safetensors into an empty folder. */
    static void write(BenchShape shape, Path folder) throws IOException {
        ObjectMapper json = new ObjectMapper();
        Files.createDirectories(folder);
        json.writeValue(folder.resolve("config.json").toFile(), shape.config());
        json.writeValue(folder.resolve("tokenizer.json").toFile(), tokenizer(shape.vocabulary()));
        ObjectNode header = json.createObjectNode();
        long end = 0;
        for (Map.Entry<String, long[]> tensor : shape.tensors().entrySet()) {
            ObjectNode entry = header.putObject(tensor.getKey()).put("dtype", "BF16");
            long weights = 1;
            for (long dim : tensor.getValue()) {
                weights *= dim;
                entry.withArray("shape").add(dim);
            }
            entry.putArray("data_offsets").add(end).add(end + 2 * weights);
            end += 2 * weights;
        }
        byte[] text = json.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
        int padded = (text.length + 7) / 8 * 8;
        ByteBuffer front = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        front.putLong(padded).put(text);
        while (front.hasRemaining()) {
            front.put((byte) ' ');
        }
        try (FileChannel file =
                FileChannel.open(
                        folder.resolve("model.safetensors"),
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.WRITE)) {
            writeAll(file, front.flip());
            ByteBuffer noise = noise();
            int number = 0;
            for (Map.Entry<String, long[]> tensor : shape.tensors().entrySet()) {
                long weights = 1;
                for (long dim : tensor.getValue()) {
                    weights *= dim;
                }
                int from = (int) ((long) number++ * STRIDE % BLOCK_WEIGHTS);
                boolean norm = tensor.getKey().endsWith("norm.weight");
                writeTensor(file, norm ? ones((int) weights) : noise, norm ? 0 : from, weights);
            }
        }
    }

    private static void writeTensor(FileChannel file, ByteBuffer block, int from, long weights)
            throws IOException {
        int at = from;
        long left = weights;
        while (left > 0) {
            int count = (int) Math.min(left, block.capacity() / 2 - at);
            writeAll(file, block.slice(2 * at, 2 * count));
            left -= count;
            at = 0;
        }
    }

    private static void writeAll(FileChannel file, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            file.write(bytes);
        }
    }

    private static ByteBuffer noise() {
        Random random = new Random(1);
        ByteBuffer noise =
                ByteBuffer.allocateDirect(2 * BLOCK_WEIGHTS).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < BLOCK_WEIGHTS; i++) {
            noise.putShort(2 * i, bf16((float) (random.nextGaussian() * DEVIATION)));
        }
        return noise;
    }

    private static ByteBuffer ones(int count) {
        ByteBuffer ones = ByteBuffer.allocate(2 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            ones.putShort(2 * i, bf16(1));
        }
        return ones;
    }

    /** Cut off, not rounded: it is noise. */
    private static short bf16(float value) {
        return (short) (Float.floatToRawIntBits(value) >>> 16);
    }

    /** A word for each token, so that answers become text at the usual cost. */
    private static ObjectNode tokenizer(int vocabulary) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation").putNull("padding");
        root.putArray("added_tokens");
        root.putNull("normalizer");
        root.putObject("pre_tokenizer").put("type", "Whitespace");
        root.putNull("post_processor").putNull("decoder");
        ObjectNode model = root.putObject("model").put("type", "WordLevel").put("unk_token", "w0");
        ObjectNode words = model.putObject("vocab");
        for (int i = 0; i < vocabulary; i++) {
            words.put("w" + i, i);
        }
        return root;
    }
}
