package io.millrace.jobs.chaos.cluster;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The network between the job and the broker: a proxy on the loopback address that can add latency,
 * limit bandwidth, break connections, and drop requests that end transactions. Two threads per
 * connection; the methods are safe for any thread.
 */
public final class Link implements AutoCloseable {
    private static final int PIECE = 16 << 10;

    /** The key of the request EndTxn in Kafka's protocol. */
    private static final short END_TRANSACTION = 26;

    private final ServerSocket door;
    private final int target;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final Object condition = new Object();
    private long latencyMs;
    private long bytesPerSecond;
    private final AtomicInteger held = new AtomicInteger();
    private volatile boolean holds;

    /**
     * Opens the proxy.
     *
     * @param target the broker's port
     */
    Link(int target) throws IOException {
        this.target = target;
        this.door = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
        start("door", this::accept);
    }

    /** The port for clients. */
    int port() {
        return door.getLocalPort();
    }

    /** Adds latency and limits the bandwidth from now on. */
    public void slow(long latencyMs, long bytesPerSecond) {
        synchronized (condition) {
            this.latencyMs = latencyMs;
            this.bytesPerSecond = bytesPerSecond;
            condition.notifyAll();
        }
    }

    /** Drops requests that commit or abort a transaction from now on. */
    public void holdTransactionEnds() {
        held.set(0);
        holds = true;
    }

    /** Number of dropped requests. */
    public int held() {
        return held.get();
    }

    /** Removes all limits and stops dropping requests. */
    public void heal() {
        holds = false;
        slow(0, 0);
    }

    /** Breaks all connections; accepts new ones. */
    public void cut() {
        open.forEach(Link::close);
    }

    private void accept() {
        while (!door.isClosed()) {
            try {
                Socket client = door.accept();
                open.add(client);
                connect(client);
            } catch (IOException e) {
                // The server socket is closed, which ends this loop, or a client is gone.
            }
        }
    }

    private void connect(Socket client) {
        Socket broker;
        try {
            broker = new Socket(InetAddress.getLoopbackAddress(), target);
        } catch (IOException e) {
            // The broker is down: the client gets the same error as without the proxy.
            end(client);
            return;
        }
        open.add(broker);
        try {
            client.setTcpNoDelay(true);
            broker.setTcpNoDelay(true);
        } catch (IOException e) {
            // Cut before any data: close both sides.
            end(client);
            end(broker);
            return;
        }
        start("to broker", () -> pump(client, broker, this::requests));
        start("from broker", () -> pump(broker, client, this::bytes));
    }

    /** Forwards one direction of a connection until its end. */
    private interface Carrier {
        void carry(InputStream in, OutputStream out) throws IOException;
    }

    private void pump(Socket from, Socket to, Carrier carrier) {
        try {
            carrier.carry(from.getInputStream(), to.getOutputStream());
        } catch (IOException e) {
            // One side is gone: close the other.
        } finally {
            end(from);
            end(to);
        }
    }

    private void bytes(InputStream in, OutputStream out) throws IOException {
        byte[] piece = new byte[PIECE];
        for (int length = in.read(piece); length >= 0; length = in.read(piece)) {
            delay(length);
            out.write(piece, 0, length);
        }
    }

    /**
     * Forwards requests: a length of four bytes, and a body that begins with the request's key of
     * two bytes.
     */
    private void requests(InputStream in, OutputStream out) throws IOException {
        DataInputStream lengths = new DataInputStream(in);
        while (true) {
            byte[] request = new byte[Integer.BYTES + lengths.readInt()];
            ByteBuffer head = ByteBuffer.wrap(request).putInt(request.length - Integer.BYTES);
            lengths.readFully(request, Integer.BYTES, request.length - Integer.BYTES);
            if (holds && head.getShort() == END_TRANSACTION) {
                held.incrementAndGet();
                continue;
            }
            delay(request.length);
            out.write(request);
        }
    }

    private void delay(int length) {
        long start = System.nanoTime();
        synchronized (condition) {
            while (true) {
                long thin = bytesPerSecond == 0 ? 0 : 1000L * length / bytesPerSecond;
                long left =
                        latencyMs + thin - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                if (left <= 0) {
                    return;
                }
                try {
                    condition.wait(left);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
        }
    }

    private static void start(String name, Runnable work) {
        Thread thread = new Thread(work, "chaos link, " + name);
        thread.setDaemon(true);
        thread.start();
    }

    private void end(Socket socket) {
        close(socket);
        open.remove(socket);
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // Closed anyway.
        }
    }

    @Override
    public void close() throws IOException {
        door.close();
        cut();
    }
}
