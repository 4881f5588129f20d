package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class WorkersTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void everyTaskRunsOnce(int threads) {
        try (Workers workers = new Workers(threads)) {
            for (int round = 0; round < 20_000; round++) {
                int tasks = round % 97;
                AtomicIntegerArray runs = new AtomicIntegerArray(tasks + 1);
                workers.run(tasks, (task, worker) -> runs.incrementAndGet(task));
                for (int task = 0; task < tasks; task++) {
                    assertThat(runs.get(task)).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void parkedThreadsWakeForTheNextRun() {
        try (Workers workers = new Workers(2)) {
            AtomicBoolean helped = new AtomicBoolean();
            for (int round = 0; round < 1_000 && !helped.get(); round++) {
                LockSupport.parkNanos(1_000_000);
                workers.run(
                        50,
                        (task, worker) -> {
                            if (worker == 1) {
                                helped.set(true);
                            }
                            LockSupport.parkNanos(10_000);
                        });
            }
            assertThat(helped).isTrue();
        }
    }

    @Test
    void aTasksFailureReachesTheCallerAndTheNextRunIsSound() {
        try (Workers workers = new Workers(3)) {
            for (int bad = 0; bad < 20; bad++) {
                int failing = bad;
                assertThatThrownBy(
                                () ->
                                        workers.run(
                                                20,
                                                (task, worker) -> {
                                                    if (task == failing) {
                                                        throw new IllegalArgumentException(
                                                                "task " + task);
                                                    }
                                                }))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("task " + bad);
                AtomicIntegerArray runs = new AtomicIntegerArray(20);
                workers.run(20, (task, worker) -> runs.incrementAndGet(task));
                assertThat(runs.toString()).doesNotContain("0");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void stoppingFailsTheTasksThatHaveNotBegun(int threads) {
        try (Workers workers = new Workers(threads)) {
            AtomicIntegerArray runs = new AtomicIntegerArray(97);
            assertThatThrownBy(
                            () ->
                                    workers.run(
                                            97,
                                            (task, worker) -> {
                                                workers.stop();
                                                runs.incrementAndGet(task);
                                            }))
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("stopped");
            int begun = 0;
            for (int task = 0; task < 97; task++) {
                begun += runs.get(task);
            }
            assertThat(begun).isBetween(1, threads);
            assertThatThrownBy(() -> workers.run(1, (task, worker) -> {}))
                    .isInstanceOf(CancellationException.class);
        }
    }

    @Test
    void closingEndsTheThreads() {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        Workers workers = new Workers(3);
        workers.run(10, (task, worker) -> {});
        workers.close();
        assertThat(Thread.getAllStackTraces().keySet())
                .filteredOn(t -> !before.contains(t))
                .noneMatch(t -> t.getName().startsWith("millrace-cpu-"));
        assertThatThrownBy(() -> workers.run(2, (task, worker) -> {}))
                .isInstanceOf(IllegalStateException.class);
    }
}
