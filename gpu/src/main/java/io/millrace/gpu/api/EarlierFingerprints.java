package io.millrace.gpu.api;

import io.millrace.gpu.common.Sha256;

/**
 * Fingerprints of the same model in earlier releases, if options or memory limited its context:
 * they included the maximum length of a request, on which no token depends. Tokens generated under
 * one of them are those of this model.
 *
 * @param prefix prefix of the fingerprint, outside of the hash
 * @param hashed the hashed text without the length
 * @param context the model's context: lengths are from 1 to one less
 */
public record EarlierFingerprints(String prefix, String hashed, int context) {
    /** For a model that no earlier release supports. */
    public static final EarlierFingerprints NONE = new EarlierFingerprints("", "", 0);

    /** The fingerprint for one length: the prefix and 24 hex digits. */
    public String of(int length) {
        return prefix + Sha256.fingerprint(hashed + length);
    }

    /** Whether a fingerprint is one of these. Computes a hash per length. */
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
