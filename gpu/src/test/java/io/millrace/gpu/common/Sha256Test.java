package io.millrace.gpu.common;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.security.MessageDigest;
import org.junit.jupiter.api.Test;

class Sha256Test {
    /** Of "abc": FIPS 180-2, appendix B.1. */
    private static final String ABC =
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    @Test
    void givesTheStandardsExample() {
        assertThat(Sha256.hex("abc".getBytes(UTF_8))).isEqualTo(ABC);
        assertThat(Sha256.fingerprint("abc")).isEqualTo(ABC.substring(0, 24));
        MessageDigest sha = Sha256.begin();
        sha.update("ab".getBytes(UTF_8));
        sha.update("c".getBytes(UTF_8));
        assertThat(Sha256.fingerprint(sha)).isEqualTo(ABC.substring(0, 24));
    }
}
