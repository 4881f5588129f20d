package io.millrace.operators.kafka.admin;

import java.nio.file.NoSuchFileException;
import java.security.cert.CertPathBuilderException;
import java.util.Map;
import javax.net.ssl.SSLException;
import org.apache.kafka.common.errors.SslAuthenticationException;

/** Explains why a TLS connection to a Kafka cluster fails, and names the setting to change. */
public final class TlsRefusal {

    private static final String TRUST = "ssl.truststore.location";
    private static final String KEY = "ssl.keystore.location";

    private TlsRefusal() {}

    /**
     * The sentence for a client's exception.
     *
     * @param servers the bootstrap servers
     * @param client the client's settings
     * @return null if it is not about TLS
     */
    public static String sentence(String servers, Map<String, String> client, Throwable thrown) {
        Throwable root = thrown;
        boolean tls = false;
        for (Throwable each = thrown; each != null; each = each.getCause()) {
            if (each instanceof NoSuchFileException missing) {
                return missingFile(client, missing.getFile());
            }
            if (each instanceof CertPathBuilderException) {
                return untrusted(servers, client.get(TRUST));
            }
            tls |= each instanceof SslAuthenticationException || each instanceof SSLException;
            root = each;
        }
        if (!tls) {
            return null;
        }
        String why = root.getMessage() == null ? root.toString() : root.getMessage();
        String remedy = remedy(why);
        return "TLS with Kafka at "
                + servers
                + " does not come about: "
                + (remedy == null
                        ? KafkaSetupException.ended(why)
                        : why.lines().findFirst().orElse("") + ": " + remedy);
    }

    private static String missingFile(Map<String, String> client, String file) {
        for (String key : new String[] {TRUST, KEY}) {
            if (file.equals(client.get(key))) {
                return "There is no file "
                        + file
                        + ", which Kafka setting "
                        + key
                        + " names: put it there, on this machine and on those of the tasks.";
            }
        }
        return "There is no file " + file + ", which the Kafka settings name.";
    }

    private static String untrusted(String servers, String truststore) {
        return "The certificate of Kafka at "
                + servers
                + " is signed by nobody that "
                + (truststore == null
                        ? "Java trusts, and no truststore is given: set "
                                + TRUST
                                + " (and its password)"
                        : "the truststore " + truststore + " holds: set " + TRUST)
                + " to one with the authority of the brokers' certificates.";
    }

    private static String remedy(String why) {
        if (why.contains("No subject alternative") || why.contains("No name matching")) {
            return "use a name in --bootstrap-servers and the brokers' advertised.listeners that the"
                    + " certificate has.";
        }
        if (why.contains("certificate_required") || why.contains("bad_certificate")) {
            return "the broker wants a certificate of yours: set " + KEY + " (and its password).";
        }
        return null;
    }
}
