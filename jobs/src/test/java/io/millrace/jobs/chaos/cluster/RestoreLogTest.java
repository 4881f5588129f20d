package io.millrace.jobs.chaos.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RestoreLogTest {
    @TempDir Path folder;

    @Test
    void whatTaskManagersSayFromNowOnIsAddedUp() throws IOException {
        append("003-taskmanager-0.log", line(54, 0));
        RestoreLog log = new RestoreLog(folder);
        append("003-taskmanager-0.log", "INFO something else\n" + line(17, 0));
        append("009-taskmanager-1.log", line(97, 1023) + line(1, 0));
        append("004-jobmanager.log", line(1000, 1000));
        assertThat(log.read()).isEqualTo(new RestoreLog.Tokens(17 + 97 + 1, 1023));
    }

    @Test
    void nothingSaidIsNothing() throws IOException {
        append("003-taskmanager-0.log", line(54, 17));
        assertThat(new RestoreLog(folder).read()).isEqualTo(new RestoreLog.Tokens(0, 0));
    }

    private static String line(long kept, long repeated) {
        return "2026-11-26 12:00:00,000 INFO  Restoration [inference] Restored requests in flight: 3 go"
                + (" on after their " + kept + " tokens (0 of these were begun by another model),")
                + (" 2 start over and lose " + repeated + " tokens, 1 had no token.\n");
    }

    private void append(String name, String text) throws IOException {
        Files.writeString(
                folder.resolve(name), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
