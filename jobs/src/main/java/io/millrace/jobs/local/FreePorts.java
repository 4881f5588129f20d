package io.millrace.jobs.local;

import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Free ports for processes that listen later. The kernel assigns ephemeral ports of its own range
 * to outgoing connections and to listeners on port 0: a free port of that range may be in use a
 * second later. These ports are outside of that range, in random order, so that two processes
 * rarely collide. Safe for any thread.
 */
public final class FreePorts {
    /** Common services have lower ports. */
    static final int LOWEST = 10_000;

    static final int HIGHEST = 65_535;

    /**
     * Minimum number of ports outside of the kernel's range; with fewer, that range is used too.
     */
    private static final int ENOUGH = 1000;

    private static final Path KERNEL_RANGE = Path.of("/proc/sys/net/ipv4/ip_local_port_range");

    /** The range of IANA, if the file is missing. */
    private static final String USUAL_RANGE = "49152 65535";

    /** Shared within the JVM, so that no port is assigned twice. */
    private static final FreePorts ALL = new FreePorts(candidates(kernelRange()));

    private final Iterator<Integer> left;

    /** Shuffles the candidates. */
    FreePorts(List<Integer> candidates) {
        Collections.shuffle(candidates);
        this.left = candidates.iterator();
    }

    /**
     * A port on which nothing listens, on any address, and that was not assigned before.
     *
     * @throws IOException no port is left
     */
    public static int next() throws IOException {
        return ALL.take();
    }

    synchronized int take() throws IOException {
        while (left.hasNext()) {
            int port = left.next();
            if (isFree(port)) {
                return port;
            }
        }
        throw new IOException(
                "No port from " + LOWEST + " to " + HIGHEST + " is free: stop what listens there.");
    }

    private static boolean isFree(int port) throws IOException {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(port));
            return true;
        } catch (BindException e) {
            return false;
        }
    }

    /**
     * All candidate ports.
     *
     * @param range first and last port of the kernel's range, with white space between them
     */
    static List<Integer> candidates(String range) {
        String[] ends = range.strip().split("\\s+");
        int first = Integer.parseInt(ends[0]);
        int last = Integer.parseInt(ends[1]);
        List<Integer> outside =
                ports().filter(port -> port < first || port > last).boxed().toList();
        return new ArrayList<>(outside.size() < ENOUGH ? ports().boxed().toList() : outside);
    }

    private static IntStream ports() {
        return IntStream.rangeClosed(LOWEST, HIGHEST);
    }

    /** The kernel's range: first and last port, in its format. */
    static String kernelRange() {
        try {
            // Not readString(), which reads one byte first: this file must be read at once.
            return Files.readAllLines(KERNEL_RANGE).get(0);
        } catch (IOException e) {
            // No Linux, or the file is hidden.
            return USUAL_RANGE;
        }
    }
}
