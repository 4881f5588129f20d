package io.millrace.operators.kafka.admin;

import java.util.Map;

/** The command that changes a cluster's topics, as it can be pasted. */
public final class TopicCommand {
    /** Stands for the file with the settings of a secured cluster, which only the caller knows. */
    private static final String FILE = " --command-config FILE";

    private TopicCommand() {}

    /**
     * Without what is to be done.
     *
     * @param client settings that reach the cluster
     */
    static String of(String servers, Map<String, String> client) {
        return "kafka-topics.sh --bootstrap-server "
                + servers
                + (client.containsKey("security.protocol") ? FILE : "");
    }

    /**
     * A message with the commands in it naming the file.
     *
     * @param file with the client's settings; null if the caller has none
     */
    public static String withConfig(String message, Object file) {
        return file == null ? message : message.replace(FILE, " --command-config " + file);
    }
}
