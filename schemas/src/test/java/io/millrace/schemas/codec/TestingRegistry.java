package io.millrace.schemas.codec;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/** The calls of a schema registry that we use, on loopback. */
public final class TestingRegistry implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpServer server;
    private final Map<Integer, String> answers = new TreeMap<>();
    private final Map<UUID, String> byGuid = new TreeMap<>();
    private final List<String> requests = new ArrayList<>();
    private String authorization;
    private int failuresToCome;
    private int refusal;

    public TestingRegistry() throws IOException {
        this(HttpServer.create(address(), 0));
    }

    /** One that speaks TLS, and with {@code clients} trusts only who has a certificate. */
    TestingRegistry(SSLContext tls, boolean clients) throws IOException {
        this(secured(tls, clients));
    }

    private TestingRegistry(HttpServer server) {
        this.server = server;
        server.createContext("/", this::answer);
        server.start();
    }

    private static InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private static HttpServer secured(SSLContext tls, boolean clients) throws IOException {
        HttpsServer server = HttpsServer.create(address(), 0);
        server.setHttpsConfigurator(
                new HttpsConfigurator(tls) {
                    @Override
                    public void configure(HttpsParameters parameters) {
                        SSLParameters wanted = tls.getDefaultSSLParameters();
                        wanted.setNeedClientAuth(clients);
                        parameters.setSSLParameters(wanted);
                    }
                });
        return server;
    }

    public String url() {
        return (server instanceof HttpsServer ? "https" : "http")
                + "://127.0.0.1:"
                + server.getAddress().getPort();
    }

    /** Demands this header of every request. */
    synchronized void demand(String authorization) {
        this.authorization = authorization;
    }

    /** Answers the next requests with HTTP 503. */
    synchronized void failNext(int requests) {
        failuresToCome = requests;
    }

    /** Answers schemas given to it with this status. */
    public synchronized void refuseSchemas(int status) {
        refusal = status;
    }

    public synchronized void put(int id, String schema, String type) {
        ObjectNode body = JSON.createObjectNode().put("schema", schema);
        if (type != null) {
            body.put("schemaType", type);
        }
        answers.put(id, body.toString());
    }

    /** The schema of an id, also of one that was registered. */
    public synchronized String schema(int id) throws IOException {
        return JSON.readTree(answers.get(id)).get("schema").textValue();
    }

    public synchronized void put(UUID guid, String schema) {
        byGuid.put(guid, JSON.createObjectNode().put("schema", schema).toString());
    }

    synchronized List<String> requests() {
        return List.copyOf(requests);
    }

    private synchronized void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getRawPath();
            requests.add(exchange.getRequestMethod() + " " + path);
            String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
            String given = exchange.getRequestHeaders().getFirst("Authorization");
            if (failuresToCome > 0) {
                failuresToCome--;
                send(exchange, 503, "busy");
            } else if (authorization != null && !authorization.equals(given)) {
                send(exchange, 401, "{\"error_code\":401,\"message\":\"Unauthorized\"}");
            } else if (path.startsWith("/schemas/")) {
                String name = path.substring(path.lastIndexOf('/') + 1);
                String answer =
                        path.startsWith("/schemas/ids/")
                                ? answers.get(Integer.parseInt(name))
                                : byGuid.get(UUID.fromString(name));
                send(
                        exchange,
                        answer == null ? 404 : 200,
                        answer == null
                                ? "{\"error_code\":40403,\"message\":\"Schema not found\"}"
                                : answer);
            } else if (path.startsWith("/subjects/") && refusal != 0) {
                send(exchange, refusal, "{\"message\":\"incompatible\"}");
            } else if (path.startsWith("/subjects/")) {
                int id = 100_000 + answers.size();
                put(id, JSON.readTree(body).get("schema").textValue(), null);
                send(exchange, 200, "{\"id\":" + id + "}");
            } else {
                send(exchange, 404, "<html>no such page</html>");
            }
        }
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
