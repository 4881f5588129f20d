package io.millrace.jobs.local;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.utils.Exit;

/** A broker in a separate process, which can be killed. */
public final class BrokerProcess {
    private static final int SETTINGS = 4;

    private BrokerProcess() {}

    /**
     * Starts a broker and runs until SIGTERM, which shuts it down.
     *
     * @param arguments folder; port for clients; a second listening port, and the advertised port
     *     of that listener; any number of settings {@code key=value}
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, String> settings = new HashMap<>();
        for (int i = SETTINGS; i < arguments.length; i++) {
            int equals = arguments[i].indexOf('=');
            settings.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
        }
        EmbeddedKafka broker =
                EmbeddedKafka.start(
                        Path.of(arguments[0]),
                        Integer.parseInt(arguments[1]),
                        new EmbeddedKafka.Detour(
                                Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3])),
                        settings);
        // This process has nothing else that a fault of the broker would end.
        Exit.resetExitProcedure();
        Exit.resetHaltProcedure();
        Runtime.getRuntime().addShutdownHook(new Thread(broker::close, "stop the broker"));
        new CountDownLatch(1).await();
    }
}
