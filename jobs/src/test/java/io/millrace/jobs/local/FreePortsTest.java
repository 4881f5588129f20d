package io.millrace.jobs.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FreePortsTest {
    @Test
    void noPortIsGivenTwiceAndEachCanBeListenedAt() throws IOException {
        Set<Integer> given = new HashSet<>();
        for (int i = 0; i < 97; i++) {
            int port = FreePorts.next();
            assertThat(given.add(port)).as("port %d", port).isTrue();
            new ServerSocket(port, 1, InetAddress.getLoopbackAddress()).close();
        }
        assertThat(FreePorts.candidates(FreePorts.kernelRange())).containsAll(given);
    }

    @Test
    void thePortsOfOutgoingConnectionsAreLeftAlone() {
        assertThat(FreePorts.candidates("32768\t60999\n"))
                .hasSize(32_768 - FreePorts.LOWEST + FreePorts.HIGHEST - 60_999)
                .contains(FreePorts.LOWEST, 32_767, 61_000, FreePorts.HIGHEST)
                .noneMatch(port -> port >= 32_768 && port <= 60_999);
    }

    @Test
    void aRangeThatLeavesTooFewIsUsedItself() {
        assertThat(FreePorts.candidates("1024 65000"))
                .hasSize(FreePorts.HIGHEST - FreePorts.LOWEST + 1);
    }

    @Test
    void aTakenPortIsPassedOverAndTheEndIsSaid() throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        int free = FreePorts.next();
        try (ServerSocket one = new ServerSocket(FreePorts.next(), 1, loopback);
                ServerSocket two = new ServerSocket(FreePorts.next())) {
            List<Integer> three = List.of(one.getLocalPort(), free, two.getLocalPort());
            FreePorts ports = new FreePorts(new ArrayList<>(three));
            assertThat(ports.take()).isEqualTo(free);
            assertThatThrownBy(ports::take)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("No port from 10000 to 65535 is free");
        }
    }
}
