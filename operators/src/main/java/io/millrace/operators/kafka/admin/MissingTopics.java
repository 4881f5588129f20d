package io.millrace.operators.kafka.admin;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeSet;

/** The message about missing topics: names all of them, with a command to create them. */
public final class MissingTopics {
    private static final int USUAL_PARTITIONS = 4;

    private MissingTopics() {}

    /** Partitions of a topic that the program or the command creates. */
    static int partitions(int parallelism) {
        return Math.max(USUAL_PARTITIONS, parallelism);
    }

    /**
     * One sentence, with the command on a separate line.
     *
     * @param topics at least one
     * @param client client settings to reach the cluster
     * @param creates whether the program has {@code --create-topics}
     */
    public static String sentence(
            Collection<String> topics,
            String servers,
            Map<String, String> client,
            int parallelism,
            boolean creates) {
        boolean one = topics.size() == 1;
        String names = String.join(" ", new TreeSet<>(topics));
        return (one ? "Topic " : "Topics ")
                + listed(new TreeSet<>(topics))
                + (one ? " does" : " do")
                + " not exist at "
                + servers
                + ": create "
                + (one ? "it" : "them")
                + (creates ? " with --create-topics" : "")
                + (creates ? ", or by hand:\n" : ":\n")
                + (one ? "" : "for t in " + names + "; do ")
                + TopicCommand.of(servers, client)
                + " --create --topic "
                + (one ? names : "$t")
                + " --partitions "
                + partitions(parallelism)
                + (one ? "" : "; done");
    }

    private static String listed(Collection<String> names) {
        StringBuilder text = new StringBuilder();
        Iterator<String> each = names.iterator();
        for (int left = names.size(); left > 0; left--) {
            text.append(each.next()).append(left > 2 ? ", " : left == 2 ? " and " : "");
        }
        return text.toString();
    }
}
