package io.millrace.operators.kafka.admin;

import java.util.Map;

/** The command that changes a cluster's topics, for the user to paste. */
public final class TopicCommand {
    /**
     * Placeholder of the file with the settings of a secured cluster, which only the caller knows.
     */
    private static final String FILE = " --command-config FILE";

    private TopicCommand() {}

    /**
     * The command without its action.
     *
     * @param client client settings to reach the cluster
     */
    static String of(String servers, Map<String, String> client) {
        return "kafka-topics.sh --bootstrap-server "
                + servers
                + (client.containsKey("security.protocol") ? FILE : "");
    }

    /**
     * Inserts the file into the commands of a message.
     *
     * @param file file with the client's settings; null if the caller has none
     */
    public static String withConfig(String message, Object file) {
        return file == null ? message : message.replace(FILE, " --command-config " + file);
    }
}
