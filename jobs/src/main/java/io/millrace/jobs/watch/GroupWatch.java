package io.millrace.jobs.watch;

import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.KafkaSettings;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.common.KafkaFuture;

/**
 * Detects consumers in the job's consumer group. The job is no member and only commits its offsets
 * there, which the brokers refuse while the group has members. One thread; owns an admin client.
 */
public final class GroupWatch implements AutoCloseable {
    private final String group;
    private final Admin admin;
    private final Duration interval;

    private KafkaFuture<ConsumerGroupDescription> answer;
    private long asked;
    private boolean occupied;

    /**
     * @param interval time between two checks
     */
    public GroupWatch(KafkaSettings settings, Duration interval) {
        this.group = settings.groupId();
        this.interval = interval;
        this.admin =
                Admin.create(
                        ClientProperties.admin(settings.bootstrapServers(), settings.client()));
        ask();
    }

    private void ask() {
        asked = System.nanoTime();
        answer = admin.describeConsumerGroups(List.of(group)).describedGroups().get(group);
    }

    /** A sentence when a consumer has joined or all have left, otherwise null. Never waits. */
    public String look() throws InterruptedException {
        if (answer == null || !answer.isDone()) {
            if (answer == null && System.nanoTime() - asked > interval.toNanos()) {
                ask();
            }
            return null;
        }
        KafkaFuture<ConsumerGroupDescription> answered = answer;
        answer = null;
        Collection<MemberDescription> members;
        try {
            members = answered.get().members();
        } catch (ExecutionException e) {
            // Ignores a group that does not exist yet, and missing rights.
            return null;
        }
        if (members.isEmpty() != occupied) {
            return null;
        }
        occupied = !members.isEmpty();
        if (!occupied) {
            return "group " + group + " has no other consumer any more";
        }
        MemberDescription one = members.iterator().next();
        return "another consumer ("
                + one.clientId()
                + " at "
                + one.host()
                + ") is in group "
                + group
                + ": as long as it is, the job's offsets are not committed there. Give it or the job"
                + " (--group-id) another group; answers are as ever.";
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
