package io.millrace.jobs.chaos.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceLogTest {
    @TempDir Path folder;

    @Test
    void eachGpuIsToldOnceByWhatTheTaskManagersLog() throws IOException {
        write("003-taskmanager-0.log", line("GPU 0 (NVIDIA H100 80GB HBM3)"));
        write("009-taskmanager-1.log", "x\n" + line("GPU 1 (another)") + line("GPU 1 (another)"));
        write("017-taskmanager-0.log", line("GPU 0 (NVIDIA H100 80GB HBM3)"));
        write("004-jobmanager.log", line("GPU 7 (none of ours)"));
        assertThat(DeviceLog.gpus(folder))
                .containsExactly("GPU 0 (NVIDIA H100 80GB HBM3)", "GPU 1 (another)");
    }

    @Test
    void theProcessorIsNoGpu() throws IOException {
        write("003-taskmanager-0.log", line("CPU"));
        assertThat(DeviceLog.gpus(folder)).isEmpty();
    }

    private static String line(String device) {
        return "2026-11-26 12:00:00,000 INFO  EngineAssembly [main] triage is loaded on "
                + device
                + ", fingerprint abc\n";
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }
}
