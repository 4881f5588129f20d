package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.lang.ref.Reference;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class HeapPeakTest {
    private static final int BYTES = 48 << 20;

    @Test
    void whatWasGarbageBeforeTheEndIsPartOfThePeak() throws InterruptedException {
        System.gc();
        long before = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        try (HeapPeak peak = new HeapPeak()) {
            byte[] large = new byte[BYTES];
            Reference.reachabilityFence(large);
            large = null;
            System.gc();
            // The JVM tells of a collection by a thread of its own.
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (peak.bytes() < before + BYTES / 2 && System.nanoTime() < deadline) {
                Thread.sleep(10);
            }
            long now = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
            assertThat(now).isLessThan(before + BYTES / 2);
            assertThat(peak.bytes())
                    .isBetween(before + BYTES / 2, Runtime.getRuntime().maxMemory());
        }
    }

    @Test
    void whatIsInUseNowIsPartOfThePeak() {
        System.gc();
        try (HeapPeak peak = new HeapPeak()) {
            long before = peak.bytes();
            byte[] large = new byte[BYTES];
            assertThat(peak.bytes()).isGreaterThan(before + BYTES / 2);
            Reference.reachabilityFence(large);
        }
    }
}
