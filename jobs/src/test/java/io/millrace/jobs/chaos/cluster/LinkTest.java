package io.millrace.jobs.chaos.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LinkTest {
    private static final short PRODUCE = 0;
    private static final short END_TXN = 26;

    private ServerSocket server;
    private Link link;
    private Socket client;
    private Socket broker;

    @BeforeEach
    void connect() throws IOException {
        server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        link = new Link(server.getLocalPort());
        client = new Socket(InetAddress.getLoopbackAddress(), link.port());
        broker = server.accept();
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        broker.close();
        link.close();
        server.close();
    }

    @Test
    void requestsAndResponsesPassAsTheyAre() throws IOException {
        send(PRODUCE, 97);
        assertThat(received()).isEqualTo(97);
        broker.getOutputStream().write(new byte[] {17, 54});
        assertThat(client.getInputStream().readNBytes(2)).containsExactly(17, 54);
    }

    @Test
    void endsOfTransactionsGetLostWhileTheyAreHeldAndNothingElseDoes() throws IOException {
        send(END_TXN, 17);
        assertThat(received()).isEqualTo(17);
        link.holdTransactionEnds();
        send(END_TXN, 54);
        send(PRODUCE, 97);
        assertThat(received()).isEqualTo(97);
        assertThat(link.held()).isOne();
        link.heal();
        send(END_TXN, 1023);
        assertThat(received()).isEqualTo(1023);
    }

    @Test
    void slowMeansLateInBothDirections() throws IOException {
        link.slow(54, 0);
        long start = System.nanoTime();
        send(PRODUCE, 17);
        assertThat(received()).isEqualTo(17);
        broker.getOutputStream().write(17);
        assertThat(client.getInputStream().read()).isEqualTo(17);
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(2 * 53_000_000L);
    }

    @Test
    void healingFreesWhatIsOnItsWay() throws IOException {
        link.slow(3_600_000, 0);
        send(PRODUCE, 17);
        link.heal();
        assertThat(received()).isEqualTo(17);
    }

    @Test
    void aCutEndsBothSidesAndANewConnectionIsTaken() throws IOException {
        link.cut();
        assertThat(client.getInputStream().read()).isEqualTo(-1);
        assertThatThrownBy(this::received).isInstanceOf(IOException.class);
        client = new Socket(InetAddress.getLoopbackAddress(), link.port());
        broker = server.accept();
        send(PRODUCE, 17);
        assertThat(received()).isEqualTo(17);
    }

    private void send(short kind, int length) throws IOException {
        DataOutputStream out = new DataOutputStream(client.getOutputStream());
        out.writeInt(length);
        out.writeShort(kind);
        out.write(new byte[length - Short.BYTES]);
    }

    /** Length of the request that arrives. */
    private int received() throws IOException {
        DataInputStream in = new DataInputStream(broker.getInputStream());
        int length = in.readInt();
        in.readFully(new byte[length]);
        return length;
    }
}
