package io.millrace.schemas.codec.registry;

import java.io.File;
import java.io.IOException;
import java.io.Serializable;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Whom a TLS client trusts and who it is, in JKS or PKCS12 files. Its text form never shows a
 * password.
 *
 * @param trustStore file with the authorities that are trusted, or null for Java's own
 * @param trustPassword its password, or null
 * @param keyStore file with the client's certificate and key, or null for none
 * @param keyPassword password of that file and its key, or null
 */
public record TlsStores(
        String trustStore, String trustPassword, String keyStore, String keyPassword)
        implements Serializable {

    /**
     * Reads the files.
     *
     * @throws RegistryException if one of them cannot be read
     */
    public SSLContext context() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keyManagers(), trustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new RegistryException("no TLS with " + this + ": " + e.getMessage(), e);
        }
    }

    private TrustManager[] trustManagers() throws GeneralSecurityException {
        if (trustStore == null) {
            return null;
        }
        TrustManagerFactory factory =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(load("ssl.truststore.location", trustStore, trustPassword));
        return factory.getTrustManagers();
    }

    private KeyManager[] keyManagers() throws GeneralSecurityException {
        if (keyStore == null) {
            return null;
        }
        KeyManagerFactory factory =
                KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(load("ssl.keystore.location", keyStore, keyPassword), characters(keyPassword));
        return factory.getKeyManagers();
    }

    private static KeyStore load(String setting, String file, String password)
            throws GeneralSecurityException {
        try {
            return KeyStore.getInstance(new File(file), characters(password));
        } catch (IOException | IllegalArgumentException e) {
            throw new RegistryException(
                    "cannot read "
                            + file
                            + ", which the registry's "
                            + setting
                            + " names: "
                            + (new File(file).exists() ? e.getMessage() : "there is no such file"),
                    e);
        }
    }

    private static char[] characters(String password) {
        return password == null ? null : password.toCharArray();
    }

    @Override
    public String toString() {
        return "trust store " + trustStore + ", key store " + keyStore;
    }
}
