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
 * Ports for those who are told a number now and listen later. The kernel gives outgoing
 * connections, and listeners that ask for any port, one of a range of its own: a port of that range
 * that is free now may be a client's a second later. These are of other ranges, in random order, so
 * that two processes hardly meet. Safe for any thread.
 */
public final class FreePorts {
    /** Services that a machine is likely to start have lower ones. */
    static final int LOWEST = 10_000;

    static final int HIGHEST = 65_535;

    /** With fewer outside of the kernel's range, that range is used too. */
    private static final int ENOUGH = 1000;

    private static final Path KERNEL_RANGE = Path.of("/proc/sys/net/ipv4/ip_local_port_range");

    /** Where the file is missing: what IANA sets aside. */
    private static final String USUAL_RANGE = "49152 65535";

    /** The JVM's own: no port is given to two of its brokers or clusters. */
    private static final FreePorts ALL = new FreePorts(candidates(kernelRange()));

    private final Iterator<Integer> left;

    /** Takes them in random order. */
    FreePorts(List<Integer> candidates) {
        Collections.shuffle(candidates);
        this.left = candidates.iterator();
    }

    /**
     * A port that nobody listens at, on no address, and that was not given before.
     *
     * @throws IOException there is none left
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
     * All ports that are worth a try.
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

    /** First and last port, as the kernel writes them. */
    static String kernelRange() {
        try {
            // Not readString(), which asks for one byte first: this file gives all at once, or no
            // more.
            return Files.readAllLines(KERNEL_RANGE).get(0);
        } catch (IOException e) {
            // Another system than Linux, or one that hides it.
            return USUAL_RANGE;
        }
    }
}
