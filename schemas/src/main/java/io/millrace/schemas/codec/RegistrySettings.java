package io.millrace.schemas.codec;

import java.io.Serializable;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * How to reach a schema registry. Its text form never shows the password.
 *
 * @param url base address, http or https, without credentials
 * @param user user of basic authentication, or null
 * @param password password of basic authentication, or null
 * @param timeout longest wait for a connection, and for one answer
 */
public record RegistrySettings(URI url, String user, String password, Duration timeout)
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
        if (timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("registry timeout " + timeout + " is not positive");
        }
    }

    /** Settings for an address that may carry {@code user:password@}. */
    public static RegistrySettings of(String url) {
        try {
            return new RegistrySettings(new URI(url), null, null, DEFAULT_TIMEOUT);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "the schema registry's address is not valid: " + e.getReason(), e);
        }
    }

    public RegistrySettings withCredentials(String user, String password) {
        return new RegistrySettings(url, user, password, timeout);
    }

    public RegistrySettings withTimeout(Duration timeout) {
        return new RegistrySettings(url, user, password, timeout);
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
