package io.millrace.schemas.codec.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.net.ssl.SSLException;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;

/**
 * Asks a schema registry for schemas by id or GUID, and gives it ours. Remembers answers; an id
 * that the registry does not have is asked for again after a while, since it may be registered
 * meanwhile. For one thread.
 */
public final class RegistryClient {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
    private static final int ATTEMPTS = 3;
    private static final int SCHEMA_NOT_FOUND = 40403;
    private static final int INCOMPATIBLE = 409;
    private static final int INVALID = 422;
    private static final int MOST_UNKNOWN = 1000;
    private static final long UNKNOWN_FOR_NANOS = 10_000_000_000L;

    private final RegistrySettings settings;
    private final HttpClient http;
    private final Map<SchemaRef, Schema> known = new HashMap<>();

    private final Map<SchemaRef, Refusal> refused =
            new LinkedHashMap<>() {
                @Override
                protected boolean removeEldestEntry(Map.Entry<SchemaRef, Refusal> eldest) {
                    return size() > MOST_UNKNOWN;
                }
            };

    private record Refusal(FailureCode code, String message, long untilNanos) {}

    public RegistryClient(RegistrySettings settings) {
        this.settings = settings;
        HttpClient.Builder client = HttpClient.newBuilder().connectTimeout(settings.timeout());
        if (settings.tls() != null) {
            client.sslContext(settings.tls().context());
        }
        this.http = client.build();
    }

    /**
     * The schema that is meant.
     *
     * @throws CodecException if the registry has no such Avro schema
     * @throws RegistryException if it does not answer as a registry
     */
    public Schema schema(SchemaRef ref) throws CodecException {
        Schema schema = known.get(ref);
        if (schema != null) {
            return schema;
        }
        Refusal refusal = refused.get(ref);
        if (refusal == null || System.nanoTime() - refusal.untilNanos() >= 0) {
            try {
                schema = ask(ref);
                known.put(ref, schema);
                refused.remove(ref);
                return schema;
            } catch (CodecException e) {
                long until = System.nanoTime() + UNKNOWN_FOR_NANOS;
                refusal = new Refusal(e.code(), e.getMessage(), until);
                refused.put(ref, refusal);
            }
        }
        throw new CodecException(refusal.code(), refusal.message(), null);
    }

    /** The id of a schema under a subject; registers it if it is new there. */
    public int register(String subject, Schema schema) {
        String path =
                "/subjects/"
                        + URLEncoder.encode(subject, StandardCharsets.UTF_8).replace("+", "%20")
                        + "/versions";
        String body = JSON.createObjectNode().put("schema", schema.toString()).toString();
        HttpResponse<String> response =
                send(request(path).POST(HttpRequest.BodyPublishers.ofString(body)).build());
        if (response.statusCode() != 200) {
            throw unfit("does not take our schema for subject " + subject, response);
        }
        JsonNode id = body(response).path("id");
        if (!id.isInt()) {
            throw unfit("gave no schema id for subject " + subject, response);
        }
        return id.intValue();
    }

    private Schema ask(SchemaRef ref) throws CodecException {
        HttpResponse<String> response = send(request(ref.path()).GET().build());
        JsonNode body = body(response);
        if (response.statusCode() == 404 && body.path("error_code").asInt() == SCHEMA_NOT_FOUND) {
            throw new CodecException(
                    FailureCode.UNKNOWN_SCHEMA, ref + " is not in the schema registry", null);
        }
        if (response.statusCode() != 200 || !body.path("schema").isTextual()) {
            throw unfit("gave no schema for " + ref, response);
        }
        String type = body.path("schemaType").asText("AVRO");
        if (!type.equals("AVRO") || !body.path("references").isEmpty()) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    ref
                            + (type.equals("AVRO") ? " has references" : " is of type " + type)
                            + ": only Avro schemas without references are read",
                    null);
        }
        try {
            return new Schema.Parser().parse(body.path("schema").textValue());
        } catch (AvroRuntimeException e) {
            throw new CodecException(
                    FailureCode.UNREADABLE, ref + " is not valid Avro: " + e.getMessage(), null, e);
        }
    }

    private HttpRequest.Builder request(String path) {
        String base = settings.url().toString().replaceAll("/+$", "");
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path))
                        .timeout(settings.timeout())
                        .header("Accept", CONTENT_TYPE)
                        .header("Content-Type", CONTENT_TYPE);
        if (settings.bearerToken() != null) {
            request.header("Authorization", "Bearer " + settings.bearerToken());
        }
        if (settings.user() != null) {
            byte[] pair =
                    (settings.user() + ":" + settings.password()).getBytes(StandardCharsets.UTF_8);
            request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(pair));
        }
        return request;
    }

    private HttpResponse<String> send(HttpRequest request) {
        for (int attempt = 1; ; attempt++) {
            try {
                HttpResponse<String> response =
                        http.send(request, HttpResponse.BodyHandlers.ofString());
                if (response.statusCode() < 500 || attempt == ATTEMPTS) {
                    return response;
                }
            } catch (IOException e) {
                if (attempt == ATTEMPTS) {
                    if (e instanceof SSLException) {
                        throw new RegistryException(
                                "no TLS with schema registry "
                                        + settings.url()
                                        + ": "
                                        + e.getMessage()
                                        + " (ssl.truststore.location of --registry-config must hold"
                                        + " the authority of its certificate)",
                                e);
                    }
                    String why = e.getMessage() == null ? "" : " (" + e.getMessage() + ")";
                    throw new RegistryException(
                            "schema registry "
                                    + settings.url()
                                    + " does not answer"
                                    + why
                                    + ": check its address and that it runs",
                            e);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new RegistryException(
                        "interrupted while asking schema registry " + settings.url(), e);
            }
        }
    }

    private RegistryException unfit(String what, HttpResponse<String> response) {
        int status = response.statusCode();
        String remedy =
                status == 401 || status == 403
                        ? ": check user and password, or the token"
                        : ": " + Text.brief(response.body().strip(), 300);
        return new RegistryException(
                "schema registry "
                        + settings.url()
                        + " "
                        + what
                        + " (HTTP "
                        + status
                        + ")"
                        + remedy,
                null,
                status == INCOMPATIBLE || status == INVALID);
    }

    private static JsonNode body(HttpResponse<String> response) {
        try {
            JsonNode body = JSON.readTree(response.body());
            return body == null ? JSON.createObjectNode() : body;
        } catch (JsonProcessingException e) {
            return JSON.createObjectNode();
        }
    }
}
