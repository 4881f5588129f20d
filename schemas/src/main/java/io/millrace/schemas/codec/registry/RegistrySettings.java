package io.millrace.schemas.codec.registry;

import java.io.Serializable;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/**
 * How to reach a schema registry. Its text form never shows a secret.
 *
 * @param url base address, http or https, without credentials
 * @param user user of basic authentication, or null
 * @param password password of basic authentication, or null
 * @param bearerToken token of bearer authentication, or null
 * @param tls trust and key stores for https, or null for Java's own
 * @param timeout longest wait for a connection, and for one answer
 */
public record RegistrySettings(
        URI url, String user, String password, String bearerToken, TlsStores tls, Duration timeout)
        implements Serializable {

    private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);

    public RegistrySettings {
        String scheme = url.getScheme();
        if (url.getHost() == null || !("http".equals(scheme) || "https".equals(scheme))) {
            throw new IllegalArgumentException(
                    "schema registry '"
                            + withoutCredentials(url)
                            + "' is not an address such as http://host:8081");
        }
        if (url.getRawUserInfo() != null) {
            if (user == null) {
                String[] parts = url.getRawUserInfo().split(":", 2);
                user = URLDecoder.decode(parts[0], StandardCharsets.UTF_8);
                password =
                        parts.length > 1
                                ? URLDecoder.decode(parts[1], StandardCharsets.UTF_8)
                                : null;
            }
            url = withoutCredentials(url);
        }
        if ((user == null) != (password == null)) {
            throw new IllegalArgumentException(
                    "schema registry " + url + " needs user and password, or neither");
        }
        if (user != null && bearerToken != null) {
            throw new IllegalArgumentException(
                    "schema registry " + url + " has a user and a bearer token: give one of them");
        }
        if (tls != null && !"https".equals(url.getScheme())) {
            throw new IllegalArgumentException(
                    "schema registry " + url + " is not https, but there are settings for TLS");
        }
        if (timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("registry timeout " + timeout + " is not positive");
        }
    }

    /** Settings for an address that may carry {@code user:password@}. */
    public static RegistrySettings of(String url) {
        try {
            return new RegistrySettings(new URI(url), null, null, null, null, DEFAULT_TIMEOUT);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "the schema registry's address is not valid: " + e.getReason(), e);
        }
    }

    public RegistrySettings withCredentials(String user, String password) {
        return new RegistrySettings(url, user, password, bearerToken, tls, timeout);
    }

    public RegistrySettings withTimeout(Duration timeout) {
        return new RegistrySettings(url, user, password, bearerToken, tls, timeout);
    }

    public RegistrySettings withBearerToken(String token) {
        return new RegistrySettings(url, user, password, token, tls, timeout);
    }

    public RegistrySettings withTls(TlsStores stores) {
        return new RegistrySettings(url, user, password, bearerToken, stores, timeout);
    }

    /**
     * The same with settings as Confluent's clients name them, with or without {@code
     * schema.registry.} before.
     *
     * @throws IllegalArgumentException naming a setting that is not read here
     */
    public RegistrySettings with(Map<String, String> client) {
        Map<String, String> left = new TreeMap<>();
        client.forEach(
                (key, value) -> left.put(key.replaceFirst("^schema[.]registry[.]", ""), value));
        // They say where the two below are to be looked for: there is one place here.
        left.remove("basic.auth.credentials.source", "USER_INFO");
        left.remove("bearer.auth.credentials.source", "STATIC_TOKEN");
        RegistrySettings settings = this;
        String userInfo = left.remove("basic.auth.user.info");
        if (userInfo != null) {
            String[] parts = userInfo.split(":", 2);
            settings = settings.withCredentials(parts[0], parts.length > 1 ? parts[1] : null);
        }
        String token = left.remove("bearer.auth.token");
        if (token != null) {
            settings = settings.withBearerToken(token);
        }
        TlsStores stores =
                new TlsStores(
                        left.remove("ssl.truststore.location"),
                        left.remove("ssl.truststore.password"),
                        left.remove("ssl.keystore.location"),
                        left.remove("ssl.keystore.password"));
        if (!stores.equals(new TlsStores(null, null, null, null))) {
            settings = settings.withTls(stores);
        }
        if (!left.isEmpty()) {
            throw new IllegalArgumentException(
                    "registry setting "
                            + left.keySet().iterator().next()
                            + " is not one of basic.auth.user.info, bearer.auth.token,"
                            + " ssl.truststore.location, ssl.truststore.password,"
                            + " ssl.keystore.location and ssl.keystore.password");
        }
        return settings;
    }

    private static URI withoutCredentials(URI url) {
        if (url.getRawUserInfo() == null) {
            return url;
        }
        return URI.create(url.toString().replace(url.getRawUserInfo() + "@", ""));
    }

    @Override
    public String toString() {
        return url + (user == null ? "" : " as " + user);
    }
}
