package io.millrace.jobs.bench;

import com.sun.management.GarbageCollectionNotificationInfo;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import javax.management.ListenerNotFoundException;
import javax.management.Notification;
import javax.management.NotificationEmitter;
import javax.management.NotificationListener;
import javax.management.openmbean.CompositeData;

/**
 * The peak heap usage since this was opened, garbage included.
 *
 * <p>Usage only grows between two collections, so it is read before each collection and on request.
 * The JVM's peaks of its pools do not add up to this: they occur at different times.
 */
final class HeapPeak implements AutoCloseable {
    private final Set<String> pools =
            ManagementFactory.getMemoryPoolMXBeans().stream()
                    .filter(pool -> pool.getType() == MemoryType.HEAP)
                    .map(MemoryPoolMXBean::getName)
                    .collect(Collectors.toSet());

    private final AtomicLong bytes = new AtomicLong();
    private final NotificationListener listener = (event, unused) -> collected(event);
    private final List<NotificationEmitter> collectors = new ArrayList<>();

    HeapPeak() {
        for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
            if (bean instanceof NotificationEmitter collector) {
                collector.addNotificationListener(listener, null, null);
                collectors.add(collector);
            }
        }
    }

    private void collected(Notification event) {
        String type = GarbageCollectionNotificationInfo.GARBAGE_COLLECTION_NOTIFICATION;
        if (event.getType().equals(type)) {
            CompositeData data = (CompositeData) event.getUserData();
            take(before(GarbageCollectionNotificationInfo.from(data)));
        }
    }

    private long before(GarbageCollectionNotificationInfo collection) {
        Map<String, MemoryUsage> usage = collection.getGcInfo().getMemoryUsageBeforeGc();
        return usage.entrySet().stream()
                .filter(pool -> pools.contains(pool.getKey()))
                .mapToLong(pool -> pool.getValue().getUsed())
                .sum();
    }

    private void take(long used) {
        bytes.accumulateAndGet(used, Math::max);
    }

    /** The peak so far. */
    long bytes() {
        take(ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        return bytes.get();
    }

    @Override
    public void close() {
        for (NotificationEmitter collector : collectors) {
            try {
                collector.removeNotificationListener(listener);
            } catch (ListenerNotFoundException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
