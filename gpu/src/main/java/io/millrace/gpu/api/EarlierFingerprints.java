package io.millrace.gpu.api;

import io.millrace.gpu.common.Sha256;

/**
 * Fingerprints that releases before gave the same model where options or memory cut its context:
 * they counted how long a request could become, which no token depends on. What was generated under
 * one of them is what this model generates.
 *
 * @param prefix what a fingerprint begins with, outside of the hash
 * @param hashed what the hash is of, but for the length
 * @param context the model's own context: lengths go from 1 to one less
 */
public record EarlierFingerprints(String prefix, String hashed, int context) {
    /** Of a model that no release before has seen. */
    public static final EarlierFingerprints NONE = new EarlierFingerprints("", "", 0);

    /** The fingerprint for one length: 24 hex digits behind the prefix. */
    public String of(int length) {
        return prefix + Sha256.fingerprint(hashed + length);
    }

    /** Whether a fingerprint is one of these. A look costs a hash for each position. */
    public boolean contains(String fingerprint) {
        if (!fingerprint.startsWith(prefix)) {
            return false;
        }
        for (int length = 1; length < context; length++) {
            if (of(length).equals(fingerprint)) {
                return true;
            }
        }
        return false;
    }
}
