package io.millrace.gpu.model;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.common.Sha256;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.RotaryTable;
import io.millrace.gpu.model.family.DecoderShape;
import io.millrace.gpu.model.family.Family;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.model.folder.FolderFile;
import io.millrace.gpu.model.folder.FolderKeys;
import io.millrace.gpu.model.folder.NumberType;
import io.millrace.gpu.model.folder.WeightFiles;
import io.millrace.gpu.model.quantization.Quantization;
import io.millrace.gpu.tensor.GitLfsPointer;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * A model in Hugging Face form on disk, its headers read and checked, its weights not yet read.
 *
 * <pre>
 * config.json              architecture and shape
 * tokenizer.json           the tokenizer
 * generation_config.json   optional: defaults of decoding
 * model.safetensors        the weights, or
 * model.safetensors.index.json with the shards that it names
 * </pre>
 *
 * A dummy model has no weight files: its weights are noise, see {@link DummyTensors}.
 */
public final class ModelFolder {
    /** Prefix of the fingerprint of a dummy model. */
    public static final String DUMMY = "dummy-";

    /** Version of the rule by which dummy weights are made. */
    private static final String NOISE = "noise-1";

    private static final String CONFIG = "config.json";
    private static final String GENERATION = "generation_config.json";
    private static final String TOKENIZER = "tokenizer.json";
    private static final String TOKENIZER_CONFIG = "tokenizer_config.json";

    /** Suffixes of the names of embedding tables: of tokens, of positions. */
    private static final List<String> TOKEN_TABLES = List.of("embed_tokens.weight", "wte.weight");

    private static final String POSITION_TABLE = "wpe.weight";

    /** Tensors of older files that follow from the shape: rope frequencies, causal masks. */
    private static final Pattern DERIVED =
            Pattern.compile(
                    ".*\\.rotary_emb\\.inv_freq|(transformer\\.)?h\\.\\d+\\.attn\\.(masked_)?bias");

    private final Path path;
    private final Family family;
    private final DecoderShape shape;
    private final SamplingParameters defaultSampling;
    private final List<Integer> endOfTextIds;
    private final List<String> stopStrings;
    private final List<String> remarks;
    private final boolean dummy;
    private final String quantization;
    private final Map<String, Tensor> tensors;
    private String fingerprint;

    private ModelFolder(
            Path path,
            Family family,
            DecoderShape shape,
            SamplingParameters defaultSampling,
            List<Integer> endOfTextIds,
            List<String> stopStrings,
            List<String> remarks,
            boolean dummy,
            String quantization,
            Map<String, Tensor> tensors) {
        this.path = path;
        this.family = family;
        this.shape = shape;
        this.defaultSampling = defaultSampling;
        this.endOfTextIds = endOfTextIds;
        this.stopStrings = stopStrings;
        this.remarks = remarks;
        this.dummy = dummy;
        this.quantization = quantization;
        this.tensors = tensors;
    }

    /**
     * Reads everything but the weights of an engine's model.
     *
     * @throws InvalidModelException a folder that is missing, broken or not supported
     */
    public static ModelFolder open(EngineOptions options) throws IOException {
        return open(Path.of(options.model()), options.loadFormat() == LoadFormat.DUMMY);
    }

    /** The same, of a folder with weights. */
    public static ModelFolder open(Path path) throws IOException {
        return open(path, false);
    }

    private static ModelFolder open(Path path, boolean dummy) throws IOException {
        Quantization.refuseGguf(path);
        if (!Files.isDirectory(path)) {
            throw new InvalidModelException("There is no model folder " + path + ".");
        }
        for (String required : List.of(CONFIG, TOKENIZER)) {
            if (!Files.isRegularFile(path.resolve(required))) {
                throw new InvalidModelException(
                        "The model folder %s has no %s.".formatted(path, required));
            }
            GitLfsPointer.refuse(path.resolve(required));
        }
        ConfigFile config = ConfigFile.read(path.resolve(CONFIG));
        ConfigFile generation =
                Files.exists(path.resolve(GENERATION))
                        ? ConfigFile.read(path.resolve(GENERATION))
                        : null;
        Family family = Family.of(config);
        List<String> remarks = new ArrayList<>();
        String architecture = Family.architecture(config);
        remarks.addAll(FolderKeys.checkConfig(config, architecture));
        if (generation != null) {
            remarks.addAll(FolderKeys.check(FolderFile.GENERATION, generation, architecture));
        }
        if (Files.exists(path.resolve(TOKENIZER_CONFIG))) {
            ConfigFile tokens = ConfigFile.read(path.resolve(TOKENIZER_CONFIG));
            remarks.addAll(FolderKeys.check(FolderFile.TOKENIZER_CONFIG, tokens, architecture));
        }
        DecoderShape shape = family.shape(config);
        Quantization quantization = Quantization.read(path, config);
        Map<String, Tensor> tensors;
        if (dummy) {
            tensors = DummyTensors.of(family, shape, NumberType.of(config));
        } else {
            WeightFiles weights = WeightFiles.open(path);
            tensors = quantization.unpack(path, weights.tensors());
            remarks.addAll(weights.remarks());
            remarks.addAll(quantization.remarks());
            boolean tied = shape.tiedEmbedding();
            if (!TiedHead.settle(tensors, family, tied) && tied) {
                remarks.add(TiedHead.DIFFERS);
                shape = shape.untied();
            }
        }
        List<Integer> endOfText =
                GenerationDefaults.endOfTextIds(generation, config, shape.vocabulary());
        return new ModelFolder(
                path,
                family,
                shape,
                GenerationDefaults.sampling(generation, endOfText, shape.vocabulary()),
                endOfText,
                GenerationDefaults.stopStrings(generation),
                List.copyOf(remarks),
                dummy,
                quantization.fingerprint(),
                tensors);
    }

    /** The folder. */
    public Path path() {
        return path;
    }

    /** The tokenizer's file. */
    public Path tokenizerFile() {
        return path.resolve(TOKENIZER);
    }

    /** Number of logits. */
    public int vocabularySize() {
        return shape.vocabulary();
    }

    /** The model's maximum context, in tokens. */
    public int maxPositions() {
        return shape.maxPositions();
    }

    /** Defaults of sampling parameters that a request does not set. */
    public SamplingParameters defaultSampling() {
        return defaultSampling;
    }

    /** Token ids that end a completion. */
    public List<Integer> endOfTextIds() {
        return endOfTextIds;
    }

    /** Sentences about its files, to be logged once when the model is loaded. */
    public List<String> remarks() {
        return remarks;
    }

    /** Strings that end a completion. */
    public List<String> stopStrings() {
        return stopStrings;
    }

    /** Width of the residual stream. */
    public int hidden() {
        return shape.hidden();
    }

    /** Width inside the feed-forward part. */
    public int intermediate() {
        return shape.intermediate();
    }

    /** Shape of attention: heads and layers. */
    public AttentionShape attentionShape() {
        return new AttentionShape(shape.layers(), shape.heads(), shape.kvHeads(), shape.headSize());
    }

    /** The distinct windows of the layers. */
    public Set<Integer> windows() {
        return new TreeSet<>(shape.windows());
    }

    /** The rotary table of the first {@code positions} positions. */
    public RotaryTable rotary(int positions) {
        double[] frequencies = new double[shape.headSize() / 2];
        for (int pair = 0; pair < frequencies.length; pair++) {
            frequencies[pair] = shape.rope().frequency(pair, shape.headSize());
        }
        return new RotaryTable(frequencies, positions);
    }

    /** Whether its weights are noise. */
    public boolean isDummy() {
        return dummy;
    }

    Family family() {
        return family;
    }

    DecoderShape shape() {
        return shape;
    }

    boolean hasTensor(String name) {
        return tensors.containsKey(name);
    }

    /** The tensor of that name and shape. */
    Tensor tensor(String name, long... dims) throws InvalidModelException {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new InvalidModelException(
                    "The weights in %s have no tensor %s.".formatted(path, name));
        }
        return tensor.expect(dims);
    }

    /** Refuses a tensor that was not read, unless it follows from the others. */
    void refuseUnread(Set<String> read) throws InvalidModelException {
        for (String name : new TreeSet<>(tensors.keySet())) {
            boolean derived =
                    name.equals(Family.HEAD) && shape.tiedEmbedding()
                            || DERIVED.matcher(name).matches();
            if (!read.contains(name) && !derived) {
                throw new InvalidModelException(
                        "The weights in %s have a tensor %s, which a model of this architecture does not use: nothing of a model is left out."
                                .formatted(path, name));
            }
        }
    }

    /** Bytes of all weights in the model's type, quantized ones unpacked. */
    public long weightBytes() {
        return tensors.values().stream().mapToLong(Tensor::bytes).sum();
    }

    /**
     * Bytes of weights that a step reads: all but embedding tables, of which it reads a few rows.
     */
    public long stepBytes() {
        // A tied model does not use a head, even if the file has one.
        String unread =
                shape.tiedEmbedding() ? Family.HEAD : family.embedding(tensors::containsKey);
        Tensor table = tensors.get(unread);
        return weightBytes() - (table == null ? 0 : table.bytes());
    }

    /** Bytes of all weights in memory with INT8 matrices, without their scales. */
    public long int8WeightBytes() throws InvalidModelException {
        long bytes = int8StepBytes();
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            bytes += isTable(entry.getKey()) ? entry.getValue().bytes() : 0;
        }
        return bytes;
    }

    /** As {@link #stepBytes}, with INT8 matrices. */
    public long int8StepBytes() throws InvalidModelException {
        long bytes = 0;
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            String name = entry.getKey();
            Tensor tensor = entry.getValue();
            boolean tied = shape.tiedEmbedding();
            boolean used = tied ? !isPositions(name) && !name.equals(Family.HEAD) : !isTable(name);
            if (used) {
                bytes += tensor.bytes() / (tensor.rank() == 2 ? tensor.dtype().bytes() : 1);
            }
        }
        return bytes;
    }

    private static boolean isTable(String name) {
        return isPositions(name) || TOKEN_TABLES.stream().anyMatch(name::endsWith);
    }

    private static boolean isPositions(String name) {
        return name.endsWith(POSITION_TABLE);
    }

    /**
     * Hash of config, generation config, tokenizer and weights: 24 hex digits, prefixed by {@link
     * #DUMMY} for a dummy model. Cheap once weights are loaded, since loading hashes them;
     * otherwise it reads them.
     */
    public synchronized String fingerprint() throws IOException {
        if (fingerprint == null) {
            MessageDigest sha = Sha256.begin();
            for (String file : List.of(CONFIG, GENERATION, TOKENIZER)) {
                if (Files.exists(path.resolve(file))) {
                    byte[] bytes = Files.readAllBytes(path.resolve(file));
                    String title = file + ' ' + bytes.length + '\n';
                    sha.update(title.getBytes(StandardCharsets.UTF_8));
                    sha.update(bytes);
                }
            }
            sha.update(quantization.getBytes(StandardCharsets.UTF_8));
            if (dummy) {
                sha.update(NOISE.getBytes(StandardCharsets.UTF_8));
            } else {
                // Ordered by name, so that the fingerprint does not depend on the sharding.
                for (Tensor tensor : new TreeMap<>(tensors).values()) {
                    sha.update(tensor.digest());
                }
            }
            String hash = Sha256.fingerprint(sha);
            fingerprint = dummy ? DUMMY + hash : hash;
        }
        return fingerprint;
    }

    /** Hash of the tokenizer's file: 24 hex digits. */
    public String tokenizerFingerprint() throws IOException {
        MessageDigest sha = Sha256.begin();
        sha.update(Files.readAllBytes(tokenizerFile()));
        return Sha256.fingerprint(sha);
    }
}
