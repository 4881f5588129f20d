package io.millrace.jobs.watch;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toMap;

import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TlsRefusal;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.errors.RetriableException;

/**
 * Detects when Kafka brokers stop to answer, and when they answer again. One thread; owns an admin
 * client.
 */
public final class BrokerWatch implements AutoCloseable {
    private final KafkaSettings settings;
    private final Admin admin;
    private final Duration interval;
    private final Duration patience;

    /** All known brokers by id. */
    private final Map<Integer, Node> known = new TreeMap<>();

    /** Known brokers that are missing in the cluster. */
    private Map<Integer, Node> gone = Map.of();

    private KafkaFuture<Collection<Node>> answer;
    private long asked;
    private long looked = System.nanoTime();

    /** Whether a first failure, before any answer, was ignored. */
    private boolean doubted;

    private boolean away;
    private long awaySince;
    private int restarts;

    /**
     * @param interval time between two checks
     * @param patience timeout of an answer
     */
    public BrokerWatch(KafkaSettings settings, Duration interval, Duration patience) {
        this.settings = settings;
        this.interval = interval;
        this.patience = patience;
        this.admin =
                Admin.create(
                        ClientProperties.admin(settings.bootstrapServers(), settings.client()));
        this.asked = System.nanoTime() - interval.toNanos();
    }

    private void ask() {
        asked = System.nanoTime();
        answer =
                admin.describeCluster(
                                new DescribeClusterOptions().timeoutMs((int) patience.toMillis()))
                        .nodes();
    }

    /**
     * A sentence when a broker has stopped or resumed to answer, otherwise null. Never waits; an
     * outdated result is not reported but checked again.
     */
    public String look() throws InterruptedException {
        long now = System.nanoTime();
        boolean old = now - looked > patience.toNanos();
        looked = now;
        if (answer == null ? now - asked >= interval.toNanos() : old) {
            ask();
            return null;
        }
        if (answer == null || !answer.isDone()) {
            return null;
        }
        KafkaFuture<Collection<Node>> answered = answer;
        answer = null;
        try {
            return answered(answered.get());
        } catch (ExecutionException e) {
            return refused(e.getCause());
        }
    }

    private String refused(Throwable why) {
        if (away) {
            return null;
        }
        if (known.isEmpty() && !doubted && why instanceof RetriableException) {
            // The job was set up with these brokers: this process may have been too busy for the
            // answer.
            doubted = true;
            ask();
            return null;
        }
        away = true;
        awaySince = asked;
        String waits = " Prompts and answers wait; the job goes on by itself.";
        if (why instanceof RetriableException) {
            return "no broker answers at " + addresses() + "." + waits;
        }
        String tls = TlsRefusal.sentence(settings.bootstrapServers(), settings.client(), why);
        return tls != null ? tls + waits : "brokers at " + addresses() + " refuse: " + why + waits;
    }

    String answered(Collection<Node> nodes) {
        boolean back = away;
        away = false;
        Map<Integer, Node> now = nodes.stream().collect(toMap(Node::id, node -> node));
        known.putAll(now);
        Map<Integer, Node> missing = without(known, now);
        Map<Integer, Node> lost = without(missing, gone);
        Map<Integer, Node> returned = without(gone, missing);
        gone = missing;
        if (back) {
            String sentence =
                    "brokers answer again at %s, after %d s%s"
                            .formatted(
                                    addresses(nodes),
                                    TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - awaySince),
                                    CheckpointWatch.times(restarts));
            restarts = 0;
            return sentence;
        }
        if (!lost.isEmpty()) {
            return "broker %s is gone, others answer: %d. What it alone has waits."
                    .formatted(addresses(lost.values()), nodes.size());
        }
        return returned.isEmpty() ? null : "broker " + addresses(returned.values()) + " is back";
    }

    private static Map<Integer, Node> without(Map<Integer, Node> some, Map<Integer, Node> others) {
        Map<Integer, Node> rest = new TreeMap<>(some);
        rest.keySet().removeAll(others.keySet());
        return rest;
    }

    /** The addresses of all brokers, as far as known. */
    private String addresses() {
        return known.isEmpty() ? settings.bootstrapServers() : addresses(known.values());
    }

    private static String addresses(Collection<Node> nodes) {
        return nodes.stream().map(node -> node.host() + ":" + node.port()).collect(joining(", "));
    }

    /**
     * Whether the job failed only because of the brokers, which was reported.
     *
     * @param failure of the job
     */
    public boolean explains(Throwable failure) {
        boolean kafka = false;
        for (Throwable each : Causes.of(failure)) {
            if (each.getClass().getName().startsWith("io.millrace.")) {
                // It has a cause of its own.
                return false;
            }
            kafka |= each instanceof RetriableException;
        }
        restarts += away && kafka ? 1 : 0;
        return away && kafka;
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
