package io.millrace.jobs.top;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.cli.CommandFailedException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** Reads Flink's REST API; each failure is one sentence that names the address. */
final class FlinkApi {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private final URI root;
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(LIMIT).build();
    private final ObjectMapper json = new ObjectMapper();

    /**
     * @param address {@code HOST:PORT}, or a URL with {@code http} or {@code https}
     */
    FlinkApi(String address) {
        root = root(address);
    }

    private static URI root(String address) {
        boolean whole = address.contains("://");
        String url = whole ? address : "http://" + address;
        URI root;
        try {
            root = URI.create(url.replaceFirst("/+$", ""));
        } catch (IllegalArgumentException e) {
            throw notAnAddress(address);
        }
        boolean named = root.getHost() != null && (whole || root.getPort() >= 0);
        if (!named || !String.valueOf(root.getScheme()).matches("https?")) {
            throw notAnAddress(address);
        }
        return root;
    }

    private static CommandFailedException notAnAddress(String address) {
        return new CommandFailedException(
                "--address is "
                        + address
                        + ": it must be the address of Flink's web UI, such as localhost:8081 or"
                        + " https://flink.example.com.");
    }

    /** The address, as a URL. */
    URI root() {
        return root;
    }

    /**
     * What a path answers.
     *
     * @param path with its query, both encoded
     */
    JsonNode get(String path) throws InterruptedException {
        HttpResponse<String> response;
        try {
            response =
                    client.send(
                            HttpRequest.newBuilder(URI.create(root + path)).timeout(LIMIT).build(),
                            BodyHandlers.ofString());
        } catch (IOException e) {
            throw new CommandFailedException(
                    "Flink does not answer at "
                            + root
                            + " ("
                            + (e.getMessage() == null ? "no connection" : e.getMessage())
                            + "): --address names its web UI, which `run` prints and which is port"
                            + " 8081 of a JobManager.",
                    e);
        }
        if (response.statusCode() == 200) {
            try {
                return json.readTree(response.body());
            } catch (JsonProcessingException e) {
                throw notFlink(path, "no JSON", e);
            }
        }
        throw notFlink(path, "status " + response.statusCode(), null);
    }

    private CommandFailedException notFlink(String path, String what, Exception cause) {
        return new CommandFailedException(
                root
                        + " answers "
                        + path.replaceFirst("\\?.*", "")
                        + " with "
                        + what
                        + ": the job is gone, or this is not the web UI of Flink (--address).",
                cause);
    }
}
