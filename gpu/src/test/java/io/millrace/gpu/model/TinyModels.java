package io.millrace.gpu.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Writes small models with random weights as Hugging Face folders: config, weights, generation
 * config and a byte-level BPE tokenizer. The same settings give the same bytes.
 *
 * <pre>{@code
 * Path folder = TinyModels.llama().dtype(DType.BF16).seed(7).write(tempDir.resolve("m"));
 * }</pre>
 *
 * Token ids: 0 to 255 are the byte tokens, {@link #BEGIN_OF_TEXT}, {@link #END_OF_TEXT}, one more
 * special token, then merges of two letters up to the vocabulary's size.
 */
public final class TinyModels {
    public static final int BEGIN_OF_TEXT = 256;
    public static final int END_OF_TEXT = 257;

    private static final String LLAMA = "LlamaForCausalLM";
    private static final String GPT2 = "GPT2LMHeadModel";
    private static final String PHI3 = "Phi3ForCausalLM";
    private static final String STARCODER2 = "Starcoder2ForCausalLM";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> SPECIALS =
            List.of("<|begin_of_text|>", "<|end_of_text|>", "<|pad|>");

    private final String architecture;
    private final boolean qkvBias;
    private final boolean headNorms;
    private int hidden = 32;
    private int layers = 2;
    private int heads = 4;
    private int kvHeads = 2;
    private int headSize = 8;
    private int intermediate = 48;
    private int vocabulary = 320;
    private int context = 256;
    private boolean tied;
    private DType dtype = DType.F32;
    private int shards = 1;
    private long seed = 1;
    private final List<Spec> extras = new ArrayList<>();
    private Consumer<ObjectNode> config = node -> {};
    private Consumer<ObjectNode> generation = node -> {};

    private TinyModels(String architecture, boolean qkvBias, boolean headNorms) {
        this.architecture = architecture;
        this.qkvBias = qkvBias;
        this.headNorms = headNorms;
    }

    public static TinyModels llama() {
        return new TinyModels(LLAMA, false, false);
    }

    public static TinyModels qwen2() {
        return new TinyModels("Qwen2ForCausalLM", true, false);
    }

    public static TinyModels qwen3() {
        return new TinyModels("Qwen3ForCausalLM", false, true);
    }

    /** Null for the window that has none. */
    public static TinyModels mistral(Integer window) {
        return new TinyModels("MistralForCausalLM", false, false)
                .config(c -> c.put("sliding_window", window));
    }

    /** Null for no window. */
    public static TinyModels phi3(Integer window) {
        return new TinyModels(PHI3, false, false).config(c -> c.put("sliding_window", window));
    }

    /** As many key and value heads as query heads; hidden must be heads times headSize. */
    public static TinyModels gpt2() {
        return new TinyModels(GPT2, true, false).heads(4, 4, 8).tied(true);
    }

    /** Null for no window. */
    public static TinyModels starcoder2(Integer window) {
        return new TinyModels(STARCODER2, true, false)
                .tied(true)
                .config(c -> c.put("sliding_window", window));
    }

    public TinyModels hidden(int value) {
        hidden = value;
        return this;
    }

    public TinyModels layers(int value) {
        layers = value;
        return this;
    }

    /** Query heads, key and value heads, width of a head. */
    public TinyModels heads(int query, int keyValue, int size) {
        heads = query;
        kvHeads = keyValue;
        headSize = size;
        return this;
    }

    public TinyModels intermediate(int value) {
        intermediate = value;
        return this;
    }

    /** Number of token ids, at least 259. */
    public TinyModels vocabulary(int value) {
        vocabulary = value;
        return this;
    }

    /** Longest context in tokens. */
    public TinyModels context(int value) {
        context = value;
        return this;
    }

    public TinyModels tied(boolean value) {
        tied = value;
        return this;
    }

    public TinyModels dtype(DType value) {
        dtype = value;
        return this;
    }

    /** Number of safetensors files; more than one are written with an index. */
    public TinyModels shards(int value) {
        shards = value;
        return this;
    }

    public TinyModels seed(long value) {
        seed = value;
        return this;
    }

    /** One more tensor, of four numbers. */
    public TinyModels extra(String name) {
        extras.add(new Spec(name, 4, 0, 0, 1));
        return this;
    }

    /** Changes config.json before it is written. */
    public TinyModels config(Consumer<ObjectNode> change) {
        config = config.andThen(change);
        return this;
    }

    /** Changes generation_config.json before it is written. */
    public TinyModels generation(Consumer<ObjectNode> change) {
        generation = generation.andThen(change);
        return this;
    }

    /** Writes the folder and returns it. */
    public Path write(Path folder) {
        try {
            Files.createDirectories(folder);
            writeConfig(folder);
            writeTokenizer(folder);
            writeWeights(folder);
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void writeConfig(Path folder) throws IOException {
        ObjectNode node = JSON.createObjectNode();
        node.putArray("architectures").add(architecture);
        if (architecture.equals(GPT2)) {
            gpt2Config(node);
        } else {
            llamaConfig(node);
        }
        if (architecture.equals(STARCODER2)) {
            node.remove("rms_norm_eps");
            node.put("norm_epsilon", 1e-5).put("hidden_act", "gelu_pytorch_tanh");
        }
        node.put("vocab_size", vocabulary)
                .put("tie_word_embeddings", tied)
                .put("bos_token_id", BEGIN_OF_TEXT)
                .put("eos_token_id", END_OF_TEXT);
        config.accept(node);
        JSON.writeValue(folder.resolve("config.json").toFile(), node);
        ObjectNode defaults = JSON.createObjectNode();
        defaults.put("do_sample", false).put("eos_token_id", END_OF_TEXT);
        generation.accept(defaults);
        JSON.writeValue(folder.resolve("generation_config.json").toFile(), defaults);
    }

    private void llamaConfig(ObjectNode node) {
        node.put("hidden_size", hidden)
                .put("num_hidden_layers", layers)
                .put("num_attention_heads", heads)
                .put("num_key_value_heads", kvHeads)
                .put("head_dim", headSize)
                .put("intermediate_size", intermediate)
                .put("max_position_embeddings", context)
                .put("rms_norm_eps", 1e-5)
                .put("rope_theta", 10000.0)
                .put("hidden_act", "silu");
    }

    private void gpt2Config(ObjectNode node) {
        node.put("n_embd", hidden)
                .put("n_layer", layers)
                .put("n_head", heads)
                .put("n_inner", intermediate)
                .put("n_positions", context)
                .put("layer_norm_epsilon", 1e-5)
                .put("activation_function", "gelu_new");
    }

    private void writeTokenizer(Path folder) throws IOException {
        List<String> bytes = byteTokens();
        ObjectNode model = JSON.createObjectNode();
        model.put("type", "BPE").put("fuse_unk", false).put("byte_fallback", false);
        model.putNull("dropout").putNull("unk_token");
        ObjectNode ids = model.putObject("vocab");
        bytes.forEach(token -> ids.put(token, ids.size()));
        ArrayNode merges = model.putArray("merges");
        String letters = "etaoinshrdlucmfwypvbgkjqxz ";
        int next = 256 + SPECIALS.size();
        for (int pair = 0;
                next < vocabulary && pair < letters.length() * letters.length();
                pair++) {
            // Diagonal order, so that the pairs of frequent letters come first.
            String first = bytes.get(letters.charAt(pair / letters.length()));
            String second = bytes.get(letters.charAt(pair % letters.length()));
            ids.put(first + second, next++);
            merges.add(first + " " + second);
        }
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int i = 0; i < SPECIALS.size(); i++) {
            added.addObject()
                    .put("id", 256 + i)
                    .put("content", SPECIALS.get(i))
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
            ids.put(SPECIALS.get(i), 256 + i);
        }
        root.putNull("normalizer");
        byteLevel(root.putObject("pre_tokenizer"));
        root.putNull("post_processor");
        byteLevel(root.putObject("decoder"));
        root.set("model", model);
        JSON.writeValue(folder.resolve("tokenizer.json").toFile(), root);
    }

    private static void byteLevel(ObjectNode node) {
        node.put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }

    /** The printable stand-ins of byte-level BPE, by byte. */
    private static List<String> byteTokens() {
        List<String> tokens = new ArrayList<>();
        int spare = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= 33 && b <= 126 || b >= 161 && b <= 172 || b >= 174;
            tokens.add(Character.toString(printable ? b : spare++));
        }
        return tokens;
    }

    private record Spec(String name, int rows, int columns, double mean, double deviation) {
        long count() {
            return (long) rows * Math.max(1, columns);
        }
    }

    private List<Spec> specs() {
        List<Spec> specs =
                switch (architecture) {
                    case GPT2 -> gpt2Specs();
                    case STARCODER2 -> starcoder2Specs();
                    default -> llamaSpecs();
                };
        specs.addAll(extras);
        return specs;
    }

    private List<Spec> gpt2Specs() {
        List<Spec> specs = new ArrayList<>();
        // A tied head: logits of deviation 2 again.
        double deviation = 2 / Math.sqrt(hidden);
        specs.add(new Spec("transformer.wte.weight", vocabulary, hidden, 0, deviation));
        specs.add(new Spec("transformer.wpe.weight", context, hidden, 0, deviation));
        for (int i = 0; i < layers; i++) {
            String p = "transformer.h." + i + ".";
            layerNorm(specs, p + "ln_1");
            transposed(specs, p + "attn.c_attn", 3 * hidden, hidden);
            transposed(specs, p + "attn.c_proj", hidden, hidden);
            layerNorm(specs, p + "ln_2");
            transposed(specs, p + "mlp.c_fc", intermediate, hidden);
            transposed(specs, p + "mlp.c_proj", hidden, intermediate);
        }
        layerNorm(specs, "transformer.ln_f");
        if (!tied) {
            specs.add(new Spec("lm_head.weight", vocabulary, hidden, 0, deviation));
        }
        return specs;
    }

    private List<Spec> starcoder2Specs() {
        List<Spec> specs = new ArrayList<>();
        double deviation = 2 / Math.sqrt(hidden);
        specs.add(new Spec("model.embed_tokens.weight", vocabulary, hidden, 0, deviation));
        for (int i = 0; i < layers; i++) {
            String p = "model.layers." + i + ".";
            layerNorm(specs, p + "input_layernorm");
            projection(specs, p + "self_attn.q_proj", heads * headSize, hidden, true);
            projection(specs, p + "self_attn.k_proj", kvHeads * headSize, hidden, true);
            projection(specs, p + "self_attn.v_proj", kvHeads * headSize, hidden, true);
            projection(specs, p + "self_attn.o_proj", hidden, heads * headSize, true);
            layerNorm(specs, p + "post_attention_layernorm");
            projection(specs, p + "mlp.c_fc", intermediate, hidden, true);
            projection(specs, p + "mlp.c_proj", hidden, intermediate, true);
        }
        layerNorm(specs, "model.norm");
        if (!tied) {
            specs.add(new Spec("lm_head.weight", vocabulary, hidden, 0, deviation));
        }
        return specs;
    }

    private void layerNorm(List<Spec> specs, String name) {
        specs.add(new Spec(name + ".weight", hidden, 0, 1, 0.1));
        specs.add(new Spec(name + ".bias", hidden, 0, 0, 0.3));
    }

    private static void transposed(List<Spec> specs, String name, int outputs, int inputs) {
        specs.add(new Spec(name + ".weight", inputs, outputs, 0, 1 / Math.sqrt(inputs)));
        specs.add(new Spec(name + ".bias", outputs, 0, 0, 0.5));
    }

    private List<Spec> llamaSpecs() {
        List<Spec> specs = new ArrayList<>();
        boolean joined = architecture.equals(PHI3);
        specs.add(new Spec("model.embed_tokens.weight", vocabulary, hidden, 0, 1));
        for (int i = 0; i < layers; i++) {
            String p = "model.layers." + i + ".";
            specs.add(new Spec(p + "input_layernorm.weight", hidden, 0, 1, 0.1));
            if (joined) {
                projection(
                        specs,
                        p + "self_attn.qkv_proj",
                        (heads + 2 * kvHeads) * headSize,
                        hidden,
                        qkvBias);
            } else {
                projection(specs, p + "self_attn.q_proj", heads * headSize, hidden, qkvBias);
                projection(specs, p + "self_attn.k_proj", kvHeads * headSize, hidden, qkvBias);
                projection(specs, p + "self_attn.v_proj", kvHeads * headSize, hidden, qkvBias);
            }
            if (headNorms) {
                specs.add(new Spec(p + "self_attn.q_norm.weight", headSize, 0, 1, 0.3));
                specs.add(new Spec(p + "self_attn.k_norm.weight", headSize, 0, 1, 0.3));
            }
            projection(specs, p + "self_attn.o_proj", hidden, heads * headSize, false);
            specs.add(new Spec(p + "post_attention_layernorm.weight", hidden, 0, 1, 0.1));
            if (joined) {
                projection(specs, p + "mlp.gate_up_proj", 2 * intermediate, hidden, false);
            } else {
                projection(specs, p + "mlp.gate_proj", intermediate, hidden, false);
                projection(specs, p + "mlp.up_proj", intermediate, hidden, false);
            }
            projection(specs, p + "mlp.down_proj", hidden, intermediate, false);
        }
        specs.add(new Spec("model.norm.weight", hidden, 0, 1, 0.1));
        if (!tied) {
            // Logits of deviation 2: neither flat nor certain.
            specs.add(new Spec("lm_head.weight", vocabulary, hidden, 0, 2 / Math.sqrt(hidden)));
        }
        return specs;
    }

    private static void projection(
            List<Spec> specs, String name, int rows, int columns, boolean bias) {
        specs.add(new Spec(name + ".weight", rows, columns, 0, 1 / Math.sqrt(columns)));
        if (bias) {
            specs.add(new Spec(name + ".bias", rows, 0, 0, 0.5));
        }
    }

    private void writeWeights(Path folder) throws IOException {
        List<Spec> specs = specs();
        Random random = new Random(seed);
        Map<String, String> weightMap = new LinkedHashMap<>();
        for (int shard = 0; shard < shards; shard++) {
            List<Spec> part =
                    specs.subList(
                            specs.size() * shard / shards, specs.size() * (shard + 1) / shards);
            String file =
                    shards == 1
                            ? "model.safetensors"
                            : "model-%05d-of-%05d.safetensors".formatted(shard + 1, shards);
            writeShard(folder.resolve(file), part, random);
            part.forEach(spec -> weightMap.put(spec.name, file));
        }
        if (shards > 1) {
            JSON.writeValue(
                    folder.resolve("model.safetensors.index.json").toFile(),
                    Map.of("weight_map", weightMap));
        }
    }

    private void writeShard(Path file, List<Spec> specs, Random random) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        long end = 0;
        for (Spec spec : specs) {
            ObjectNode entry = header.putObject(spec.name).put("dtype", dtype.name());
            ArrayNode dims = entry.putArray("shape").add(spec.rows);
            if (spec.columns > 0) {
                dims.add(spec.columns);
            }
            long begin = end;
            end += spec.count() * dtype.bytes();
            entry.putArray("data_offsets").add(begin).add(end);
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (FileChannel channel =
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer head = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
            channel.write(head.putLong(json.length).put(json).flip());
            ByteBuffer data = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
            for (Spec spec : specs) {
                for (long i = 0; i < spec.count(); i++) {
                    put(dtype, data, (float) (spec.mean + spec.deviation * random.nextGaussian()));
                    if (data.remaining() < 4) {
                        channel.write(data.flip());
                        data.clear();
                    }
                }
            }
            channel.write(data.flip());
        }
    }

    /** Cut towards zero, where it has to be. */
    static void put(DType type, ByteBuffer data, float value) {
        switch (type) {
            case F32 -> data.putFloat(value);
            case BF16 -> data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
            case F16 -> data.putShort(toHalf(value));
        }
    }

    /** A half near {@code value}: rounded to zero; small values become subnormal halves. */
    private static short toHalf(float value) {
        int bits = Float.floatToRawIntBits(value * 0x1p-112f);
        return (short) ((bits >>> 16 & 0x8000) | (bits & 0x7fffffff) >>> 13);
    }
}
