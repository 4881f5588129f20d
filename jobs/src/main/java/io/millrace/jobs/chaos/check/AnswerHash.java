package io.millrace.jobs.chaos.check;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;

/** Hash of a set of answers: equal for equal sets of keys and values. */
public final class AnswerHash {
    private static final byte[] NOTHING = {};

    private AnswerHash() {}

    /**
     * SHA-256, hexadecimal, over key and value of each record, each with its length before it, in
     * the order of their bytes: the order of commits differs from run to run.
     */
    public static String of(List<Committed> answers) {
        MessageDigest sha256;
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("This JVM has no SHA-256.", e);
        }
        answers.stream()
                .sorted(
                        Comparator.comparing(AnswerHash::key, Arrays::compareUnsigned)
                                .thenComparing(Committed::value, Arrays::compareUnsigned))
                .forEach(
                        each -> {
                            // Tells a record without a key from one with an empty key.
                            add(sha256, each.key() == null ? -1 : each.key().length, key(each));
                            add(sha256, each.value().length, each.value());
                        });
        return HexFormat.of().formatHex(sha256.digest());
    }

    private static byte[] key(Committed one) {
        return one.key() == null ? NOTHING : one.key();
    }

    private static void add(MessageDigest to, int length, byte[] bytes) {
        to.update(ByteBuffer.allocate(Integer.BYTES).putInt(length).array());
        to.update(bytes);
    }
}
