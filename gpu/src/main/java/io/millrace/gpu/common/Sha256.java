package io.millrace.gpu.common;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256, which every Java platform must have. */
public final class Sha256 {
    /** Bytes of a hash that a fingerprint has: 96 bits, 24 hexadecimal digits. */
    private static final int FINGERPRINT_BYTES = 12;

    private Sha256() {}

    /** A hash of nothing yet. */
    public static MessageDigest begin() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("This JVM has no SHA-256.", e);
        }
    }

    /** The hash of bytes: 64 lower-case hexadecimal digits. */
    public static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(begin().digest(bytes));
    }

    /** Ends a hash: its first 24 hexadecimal digits. */
    public static String fingerprint(MessageDigest begun) {
        return HexFormat.of().formatHex(begun.digest(), 0, FINGERPRINT_BYTES);
    }

    /** The first 24 hexadecimal digits of the hash of a text's UTF-8. */
    public static String fingerprint(String text) {
        MessageDigest sha = begin();
        sha.update(text.getBytes(StandardCharsets.UTF_8));
        return fingerprint(sha);
    }
}
