package io.millrace.gpu.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.millrace.gpu.api.Tokenizer;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Map;

/**
 * The tokenizer of a {@code tokenizer.json}, run by Hugging Face's library. Prompts get the special
 * tokens of its post-processor; nothing is truncated or padded. Safe for any thread.
 *
 * <p>The native library loads in one class loader per JVM. Its memory is freed by garbage
 * collection, as a thread may still be encoding when the engine closes.
 */
public final class HuggingFaceTokenizer implements Tokenizer {
    private static final Cleaner CLEANER = Cleaner.create();

    private final long handle;
    private final Map<Integer, String> specialTokens;

    /** Maximum bytes of text per token; 0 for no maximum. */
    private final int longestToken;

    private final BitSet byteTokens;

    private HuggingFaceTokenizer(
            long handle, Map<Integer, String> specialTokens, int longestToken, BitSet byteTokens) {
        this.handle = handle;
        this.specialTokens = specialTokens;
        this.longestToken = longestToken;
        this.byteTokens = byteTokens;
        CLEANER.register(this, () -> TokenizersLibrary.LIB.deleteTokenizer(handle));
    }

    /**
     * Reads a tokenizer.
     *
     * @throws IOException the file is missing or no tokenizer; the message is one sentence
     */
    public static HuggingFaceTokenizer open(Path tokenizerJson) throws IOException {
        return open(TokenizerJson.read(tokenizerJson));
    }

    /**
     * Makes the tokenizer of a file.
     *
     * @throws IOException it is no tokenizer; the message is one sentence
     */
    public static HuggingFaceTokenizer open(TokenizerJson json) throws IOException {
        loadLibrary();
        long handle;
        try {
            handle = TokenizersLibrary.LIB.createTokenizerFromString(json.text());
        } catch (RuntimeException e) {
            throw new IOException(
                    "%s is not a tokenizer that this library reads: %s"
                            .formatted(json.file(), e.getMessage()),
                    e);
        }
        HuggingFaceTokenizer tokenizer =
                new HuggingFaceTokenizer(
                        handle,
                        json.specialTokens(),
                        LongestToken.bytesOf(json.text()),
                        ByteTokens.of(json.text()));
        TokenizersLibrary.LIB.disablePadding(handle);
        TokenizersLibrary.LIB.disableTruncation(handle);
        return tokenizer;
    }

    /** Loads the native library from its jar. Where it finds CUDA, it would download another. */
    private static void loadLibrary() throws IOException {
        setUnlessSet("RUST_FLAVOR", "RUST_FLAVOR", "cpu");
        setUnlessSet("DJL_OFFLINE", "ai.djl.offline", "true");
        try {
            LibUtils.checkStatus();
        } catch (RuntimeException | LinkageError e) {
            throw new IOException(
                    "The tokenizer's native library did not load (a JVM can load it in one class"
                            + " loader only: it belongs in Flink's lib/, not in the job jar): "
                            + e.getMessage(),
                    e);
        }
    }

    private static void setUnlessSet(String environment, String property, String value) {
        if (System.getenv(environment) == null && System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    @Override
    public int[] encode(String text) {
        return encode(text, true);
    }

    @Override
    public int[] encodeRendered(String text) {
        return encode(text, false);
    }

    private int[] encode(String text, boolean addSpecialTokens) {
        long encoding = TokenizersLibrary.LIB.encode(handle, wellFormed(text), addSpecialTokens);
        try {
            long[] ids = TokenizersLibrary.LIB.getTokenIds(encoding);
            int[] result = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                result[i] = (int) ids[i];
            }
            return result;
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public Map<Integer, String> specialTokens() {
        return specialTokens;
    }

    @Override
    public boolean isByte(int tokenId) {
        return tokenId >= 0 && byteTokens.get(tokenId);
    }

    @Override
    public long leastTokens(String text) {
        // Each Java character is at least one byte of UTF-8.
        return longestToken == 0 ? 0 : (text.length() + longestToken - 1L) / longestToken;
    }

    @Override
    public String decode(int[] tokenIds) {
        long[] ids = new long[tokenIds.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokenIds[i];
        }
        try {
            return TokenizersLibrary.LIB.decode(handle, ids, true);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** An unpaired surrogate has no UTF-8: it becomes U+FFFD, as in decoding. */
    private static String wellFormed(String text) {
        StringBuilder repaired = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
                continue;
            }
            if (repaired == null) {
                repaired = new StringBuilder(text);
            }
            repaired.setCharAt(i, '\uFFFD');
        }
        return repaired == null ? text : repaired.toString();
    }
}
